"""Training rows and their negatives, drawn from (seed, epoch, row) alone.

A row's draw depends on nothing else: not on the rank that holds it, the worker that makes it or
the batch it comes in, so that ranks and resumed runs agree.
"""

from dataclasses import dataclass

import numpy as np

from nrms_torch.data.impressions import Impressions


@dataclass(frozen=True)
class TrainingRows:
    """One row per click: its history, the clicked article, and the impression's negatives.

    Row r's negatives are `negatives[starts[r]:starts[r] + sizes[r]]`, rows of the article table.
    """

    history_index: np.ndarray  # (rows,) int32
    positives: np.ndarray  # (rows,) int32
    starts: np.ndarray  # (rows,) int64
    sizes: np.ndarray  # (rows,) int64, at least 1
    negatives: np.ndarray  # (all negatives,) int32

    def __len__(self) -> int:
        return len(self.positives)


def training_rows(impressions: Impressions) -> TrainingRows:
    """List a row for each click of each usable impression; ValueError without labels."""
    if impressions.labels is None:
        raise ValueError("training rows need labels")
    owner = np.repeat(np.arange(len(impressions)), np.diff(impressions.offsets))
    is_negative = ~impressions.labels
    negative_offsets = np.concatenate([[0], np.cumsum(is_negative)])[impressions.offsets]
    clicks = np.flatnonzero(impressions.labels & ~impressions.unusable()[owner])
    of_click = owner[clicks]
    return TrainingRows(
        history_index=impressions.history_index[of_click],
        positives=impressions.candidates[clicks],
        starts=negative_offsets[of_click],
        sizes=np.diff(negative_offsets)[of_click],
        negatives=impressions.candidates[is_negative],
    )


def draw_candidates(
    rows: TrainingRows, chosen: np.ndarray, *, npratio: int, seed: int, epoch: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the candidates of the chosen rows (B,): each click and `npratio` negatives, shuffled.

    Negatives are drawn with replacement from the impression's non-clicked candidates, as in the
    baseline. Gives candidates (B, npratio + 1) int32 and labels (B, npratio + 1) float32.
    """
    bits = _random_bits(chosen, 2 * npratio + 1, seed, epoch)
    for_draw, for_order = bits[:, :npratio] >> np.uint64(32), bits[:, npratio:]
    # The upper bits times n, shifted back: uniform on 0 … n - 1 to within n / 2^32.
    picks = (for_draw * rows.sizes[chosen, None].astype(np.uint64)) >> np.uint64(32)
    drawn = rows.negatives[rows.starts[chosen, None] + picks.astype(np.int64)]
    candidates = np.concatenate([rows.positives[chosen, None], drawn], axis=1)
    order = for_order.argsort(axis=1)
    return np.take_along_axis(candidates, order, axis=1), (order == 0).astype(np.float32)


def epoch_order(rows: int, *, seed: int, epoch: int) -> np.ndarray:
    """Give the order (rows,) in which an epoch visits its training rows."""
    return np.random.default_rng([seed, epoch]).permutation(rows)


def _random_bits(rows: np.ndarray, draws: int, seed: int, epoch: int) -> np.ndarray:
    """Give 64 random bits for each (row, draw) as (len(rows), draws) uint64.

    A counter through SplitMix64's finaliser (Steele et al., OOPSLA 2014), started where numpy's
    SeedSequence puts (seed, epoch).
    """
    start, gamma = np.random.SeedSequence([seed, epoch]).generate_state(2, np.uint64)
    counter = rows[:, None].astype(np.uint64) * np.uint64(draws) + np.arange(draws, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = start + (counter + np.uint64(1)) * (gamma | np.uint64(1))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
