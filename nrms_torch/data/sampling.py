"""Training rows and their negatives, drawn from (seed, epoch, row) alone.

A row's draw depends on nothing else: not on the rank that holds it, the worker that makes it or
the batch it comes in, so that ranks and resumed runs agree.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nrms_torch.data.impressions import Impressions


@dataclass(frozen=True)
class TrainingRows:
    """One row per click of a usable impression: its history, the clicked article, the negatives.

    Row r is a click on `impressions.candidates[clicks[r]]` in impression `owners[r]`. Histories and
    negatives are looked up when a row is used, so that rows take no memory for them.
    """

    impressions: Impressions
    owners: np.ndarray  # (R,) int32
    clicks: np.ndarray  # (R,) int64

    def __len__(self) -> int:
        return len(self.clicks)

    def __reduce__(self) -> tuple[Callable[[Impressions], "TrainingRows"], tuple[Impressions]]:
        """Pickle the impressions alone: a worker finds the rows where it finds them."""
        return training_rows, (self.impressions,)

    def histories(self, chosen: np.ndarray) -> np.ndarray:
        """Give the histories (B, H) int32 of the chosen rows (B,)."""
        return self.impressions.histories[self.impressions.history_index[self.owners[chosen]]]

    def positives(self, chosen: np.ndarray) -> np.ndarray:
        """Give the clicked articles (B,) int32 of the chosen rows (B,)."""
        return self.impressions.candidates[self.clicks[chosen]]

    def negatives(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give where the candidates without a click of the chosen rows (B,) are.

        Positions are flat, and those of the b-th row are `offsets[b]` to `offsets[b + 1]`, at
        least one, of the (B + 1,) offsets.
        """
        positions, offsets = self.impressions.candidate_positions(self.owners[chosen])
        assert self.impressions.labels is not None, "there are clicks"
        is_negative = ~self.impressions.labels[positions]
        return positions[is_negative], np.concatenate([[0], np.cumsum(is_negative)])[offsets]


def training_rows(impressions: Impressions) -> TrainingRows:
    """List a row for each click of each usable impression; ValueError without labels."""
    return TrainingRows(impressions, *impressions.usable_clicks)


def draw_candidates(
    rows: TrainingRows, chosen: np.ndarray, *, npratio: int, seed: int, epoch: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the candidates of the chosen rows (B,): each click and `npratio` negatives, shuffled.

    Negatives are drawn with replacement from the impression's non-clicked candidates, as in the
    baseline. Gives candidates (B, npratio + 1) int32 and labels (B, npratio + 1) float32.
    """
    bits = _random_bits(chosen, 2 * npratio + 1, seed, epoch)
    for_draw, for_order = bits[:, :npratio] >> np.uint64(32), bits[:, npratio:]
    negatives, offsets = rows.negatives(chosen)
    # The upper bits times n, shifted back: uniform on 0 … n - 1 to within n / 2^32.
    picks = (for_draw * np.diff(offsets)[:, None].astype(np.uint64)) >> np.uint64(32)
    drawn = rows.impressions.candidates[negatives[offsets[:-1, None] + picks.astype(np.int64)]]
    candidates = np.concatenate([rows.positives(chosen)[:, None], drawn], axis=1)
    order = for_order.argsort(axis=1)
    return np.take_along_axis(candidates, order, axis=1), (order == 0).astype(np.float32)


def epoch_order(rows: int, *, seed: int, epoch: int) -> np.ndarray:
    """Give the order (rows,) int32 in which an epoch visits its training rows."""
    return np.random.default_rng([seed, epoch]).permutation(np.arange(rows, dtype=np.int32))


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
