"""How well scores rank the clicked candidates of each impression, with the baseline's tie rule.

The one place where ranking metrics are computed: numpy alone, so that the server has them too.
Shapes: N candidates, I impressions; scores (N,), labels (N,) 0 or 1, offsets (I + 1,) int64.
Impression i owns the candidates offsets[i]:offsets[i + 1].
"""

import numpy as np

from nrms_torch.errors import InputError

NAMES = ("auc", "mrr", "reciprocal_rank", "ndcg@5", "ndcg@10")


def ranks(scores: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Rank each candidate in its impression, (N,) int64: 1 is best, and the later of equals first.

    The baseline's rule is argsort(scores)[::-1] with a stable sort.

    Raises:
        InputError: a score is NaN, or the offsets do not cut the scores.
    """
    check_offsets(offsets, candidates=len(scores))
    check_scores(scores)
    sizes = np.diff(offsets)
    ranked = np.empty(len(scores), dtype=np.int64)
    # Short rows side by side sort many times as fast as one long list; widths are powers of two,
    # so that at most half of a row is padding.
    exponents = np.ceil(np.log2(np.maximum(sizes, 1))).astype(np.int64)
    for exponent in np.unique(exponents[sizes > 0]):
        width = 2 ** int(exponent)
        rows = np.flatnonzero((exponents == exponent) & (sizes > 0))[:, None]
        places = offsets[rows + 1] + np.arange(-width, 0)
        own = places >= offsets[rows]
        # Padding stands to the left: sorted stably, it stays behind even a score of -inf.
        padded = np.where(own, scores[np.maximum(places, 0)], -np.inf)
        order = np.argsort(padded, axis=1, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(width, 0, -1)[None], axis=1)
        ranked[places[own]] = rank[own]
    return ranked


def per_impression(
    scores: np.ndarray, labels: np.ndarray, offsets: np.ndarray
) -> dict[str, np.ndarray]:
    """Compute every ranking metric of each impression, (I,) float64, NaN where one is skipped.

    `auc` counts a tie between a click and a negative as half, as sklearn does; `mrr` is
    Σ(y / rank) / Σy, the baseline's; `reciprocal_rank` is 1 / rank of the best click; `ndcg@k` has
    gains 2^y − 1 and discounts log2(rank + 1). An impression with no click or no negative is
    skipped.

    Raises:
        InputError: a score is NaN, a label is neither 0 nor 1, or the lists do not fit together.
    """
    check_labels(labels, candidates=len(scores))
    rank = ranks(scores, offsets)
    sizes = np.diff(offsets)
    # Beyond the ranks, a metric needs the clicked candidates alone: one in ten.
    clicked = np.flatnonzero(labels)
    owner = impression_of(offsets)[clicked]
    clicks = np.bincount(owner, minlength=len(sizes))
    click_rank = rank[clicked]
    reciprocal = 1 / click_rank

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(owner, values, minlength=len(sizes))

    beaten = 2 * (sizes[owner] + 1) - _doubled_midranks(scores, rank, offsets)[clicked]
    best = np.zeros(len(sizes))
    np.maximum.at(best, owner, reciprocal)
    values = {
        # Mann-Whitney's U of the clicks over the number of (click, negative) pairs.
        "auc": _ratio(total(beaten) - clicks * (clicks + 1), 2 * clicks * (sizes - clicks)),
        "mrr": _ratio(total(reciprocal), clicks),
        "reciprocal_rank": best,
        **{f"ndcg@{k}": _ratio(total(_gains(click_rank, k)), _ideal(clicks, k)) for k in (5, 10)},
    }
    return nan_where_one_sided(values, clicks, sizes)


def means(values: dict[str, np.ndarray]) -> dict[str, float]:
    """Give the mean of each metric over the impressions that are not skipped; NaN over none."""
    counted = ~np.isnan(next(iter(values.values())))
    if not counted.any():
        return dict.fromkeys(values, float("nan"))
    return {name: float(value[counted].mean()) for name, value in values.items()}


def impression_of(offsets: np.ndarray) -> np.ndarray:
    """The impression that owns each candidate, (N,) int64."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def nan_where_one_sided(
    values: dict[str, np.ndarray], clicks: np.ndarray, sizes: np.ndarray
) -> dict[str, np.ndarray]:
    """Put NaN where an impression has no click or nothing but clicks: there is nothing to rank."""
    one_sided = (clicks == 0) | (clicks == sizes)
    return {name: np.where(one_sided, np.nan, value) for name, value in values.items()}


def check_offsets(offsets: np.ndarray, candidates: int) -> None:
    """Raise InputError unless `offsets` rise from 0 to the number of candidates."""
    rising = offsets.ndim == 1 and len(offsets) > 0 and bool((np.diff(offsets) >= 0).all())
    if not rising or offsets[0] != 0 or offsets[-1] != candidates:
        raise InputError(
            f"offsets: expected one flat list that rises from 0 to {candidates}, the number of "
            f"candidates, got {offsets.size} values of shape {offsets.shape}"
        )


def check_scores(scores: np.ndarray) -> None:
    """Raise InputError unless `scores` hold one number a candidate: a sort hides a NaN."""
    if scores.ndim != 1:
        raise InputError(f"scores: expected one flat list, got shape {scores.shape}")
    if missing := int(np.isnan(scores).sum()):
        raise InputError(
            f"scores: {missing} of {len(scores)} are NaN, expected a number for every candidate"
        )


def check_labels(labels: np.ndarray, candidates: int) -> None:
    """Raise InputError unless `labels` hold one 0 or 1 a candidate."""
    if labels.shape != (candidates,):
        raise InputError(
            f"labels: expected shape ({candidates},), one a candidate, got {labels.shape}"
        )
    if labels.dtype != bool and (strange := int(((labels != 0) & (labels != 1)).sum())):
        raise InputError(f"labels: {strange} of {candidates} are neither 0 nor 1")


def _doubled_midranks(scores: np.ndarray, rank: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Twice the mean rank of each candidate and its equals, (N,) int64: whole numbers, so exact."""
    sizes = np.diff(offsets)
    first = np.repeat(offsets[:-1], sizes)
    place = first + rank - 1
    in_order = np.empty_like(scores)
    in_order[place] = scores
    opens_tie = np.ones(len(scores), dtype=bool)
    opens_tie[1:] = in_order[1:] != in_order[:-1]
    opens_tie[offsets[:-1][sizes > 0]] = True
    starts = np.flatnonzero(opens_tie)
    ends = np.append(starts[1:], len(scores))
    tie = (opens_tie.cumsum() - 1)[place]
    return np.asarray(starts[tie] + ends[tie] + 1 - 2 * first)


def _gains(click_rank: np.ndarray, k: int) -> np.ndarray:
    """What a click at each rank adds: with labels 0 and 1 the gain 2^y − 1 is y."""
    return np.where(click_rank <= k, 1 / np.log2(click_rank + 1), 0)


def _ideal(clicks: np.ndarray, k: int) -> np.ndarray:
    """Give the discounted gain of each impression's best order, cut at k."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal: np.ndarray = np.append(0, discounts.cumsum())[np.minimum(clicks, k)]
    return ideal


def _ratio(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    """Divide, with NaN for 0 / 0, where there is nothing to rank."""
    return np.divide(parts, wholes, out=np.full(len(parts), np.nan), where=wholes != 0)
