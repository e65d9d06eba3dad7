"""Ranking metrics by numpy, for where there is no torch: the numbers of `nrms_torch.evaluation`."""

import numpy as np

from nrms_torch.data.impressions import Impressions


def ranking_metrics(
    scores: np.ndarray, ranks: np.ndarray, impressions: Impressions
) -> dict[str, float | int | None]:
    """Give `auc`, `mrr`, `reciprocal_rank`, `ndcg@5`, `ndcg@10` and the counts of `evaluate.py`.

    Scores and ranks (N,) of labelled impressions. Definitions are those of
    `evaluation.ranking.per_impression`; a mean is None where no impression counts.
    """
    assert impressions.labels is not None
    offsets, sizes = impressions.offsets, np.diff(impressions.offsets)
    counted = ~impressions.unusable()
    clicked = np.flatnonzero(impressions.labels)
    owner = np.repeat(np.arange(len(sizes)), sizes)[clicked]
    rank = ranks[clicked]
    clicks = np.bincount(owner, minlength=len(sizes))

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(owner, values, minlength=len(sizes))

    best = np.zeros(len(sizes))
    np.maximum.at(best, owner, 1 / rank)
    below = total(_midranks(scores, ranks, offsets)[clicked]) - clicks * (clicks + 1) / 2
    discounts = 1 / np.log2(np.arange(2, 12))
    ideal = np.append(0, discounts.cumsum())
    gains = np.append(discounts, 0)[np.minimum(rank, 11) - 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        values = {
            "auc": below / (clicks * (sizes - clicks)),
            "mrr": total(1 / rank) / clicks,
            "reciprocal_rank": best,
            "ndcg@5": total(np.where(rank <= 5, gains, 0)) / ideal[np.minimum(clicks, 5)],
            "ndcg@10": total(gains) / ideal[np.minimum(clicks, 10)],
        }
    means = {
        name: float(value[counted].mean()) if counted.any() else None
        for name, value in values.items()
    }
    return {
        **means,
        "impressions": int(counted.sum()),
        "skipped": int((~counted).sum()),
        "unknown_articles": impressions.unknown_articles,
    }


def _midranks(scores: np.ndarray, ranks: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Rank each score in its impression from the lowest, 1, equals sharing their mean: (N,)."""
    sizes = np.diff(offsets)
    first = np.repeat(offsets[:-1], sizes)
    place = np.repeat(offsets[1:], sizes) - ranks
    ascending = np.empty_like(scores)
    ascending[place] = scores
    opens = np.ones(len(scores), dtype=bool)
    opens[1:] = ascending[1:] != ascending[:-1]
    opens[offsets[:-1][sizes > 0]] = True
    starts = np.flatnonzero(opens)
    ends = np.append(starts[1:], len(scores))
    tie = (opens.cumsum() - 1)[place]
    return (starts[tie] + ends[tie] + 1) / 2 - first
