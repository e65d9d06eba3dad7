"""How well probabilities fit the clicks of each impression, as the baseline's evaluator has it."""

import torch
from torch import Tensor

from nrms_torch.errors import InputError
from nrms_torch.evaluation.impression_means import ImpressionMeans, nan_where_one_sided
from nrms_torch.evaluation.segments import (
    check_labels,
    check_offsets,
    check_scores,
    impression_of,
    sum_by_impression,
)

CLIP = 1e-11
THRESHOLD = 0.5


def per_impression(scores: Tensor, labels: Tensor, offsets: Tensor) -> dict[str, Tensor]:
    """Compute log loss, RMSE, accuracy and F1 of each impression, (I,) float64, NaN where skipped.

    `scores` (N,) are probabilities of a click; `logloss` clips them to 1e-11 from 0 and 1, and a
    click is predicted from 0.5 on. Shapes and skipped impressions are those of the ranking metrics.

    Raises:
        InputError: a score is no probability, a label is neither 0 nor 1, or the lists do not fit.
    """
    check_offsets(offsets, candidates=len(scores))
    check_labels(labels, candidates=len(scores))
    _check_probabilities(scores)
    probability, label = scores.double(), labels.double()
    size = offsets.diff()
    impression = impression_of(offsets)

    def total(values: Tensor) -> Tensor:
        return sum_by_impression(values, impression, len(size))

    clipped = probability.clamp(CLIP, 1 - CLIP)
    loss = -torch.where(label == 1, clipped, 1 - clipped).log()
    predicted = (probability >= THRESHOLD).double()
    clicks = total(label)
    values = {
        "logloss": total(loss) / size,
        "rmse": (total((label - probability) ** 2) / size).sqrt(),
        "accuracy": total(predicted == label) / size,
        "f1": 2 * total(predicted * label) / (total(predicted) + clicks),
    }
    return nan_where_one_sided(values, clicks, size)


class ProbabilityMetrics(ImpressionMeans):
    """Mean log loss, RMSE, accuracy and F1 over impressions; they want sigmoid scores, not dots.

    `compute` gives `logloss`, `rmse`, `accuracy`, `f1`, `impressions` and `skipped`, the
    impressions with no click or no negative; with none counted the means are NaN.
    """

    names = ("logloss", "rmse", "accuracy", "f1")
    per_impression = staticmethod(per_impression)


def _check_probabilities(scores: Tensor) -> None:
    check_scores(scores)
    outside = int(((scores < 0) | (scores > 1)).sum())
    if outside:
        raise InputError(
            f"scores: {outside} of {len(scores)} lie outside 0 to 1, expected probabilities"
        )
