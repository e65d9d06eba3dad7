"""How well probabilities fit the clicks of each impression, as the baseline's evaluator has it."""

import numpy as np

from nrms_torch.errors import InputError
from nrms_torch.evaluation.impression_means import ImpressionMeans
from nrms_torch.evaluation.metrics import (
    check_labels,
    check_offsets,
    check_scores,
    impression_of,
    nan_where_one_sided,
)

CLIP = 1e-11
THRESHOLD = 0.5


def per_impression(
    scores: np.ndarray, labels: np.ndarray, offsets: np.ndarray
) -> dict[str, np.ndarray]:
    """Compute log loss, RMSE, accuracy and F1 of each impression, (I,) float64, NaN where skipped.

    `scores` (N,) are probabilities of a click; `logloss` clips them to 1e-11 from 0 and 1, and a
    click is predicted from 0.5 on. Shapes and skipped impressions are those of the ranking metrics.

    Raises:
        InputError: a score is no probability, a label is neither 0 nor 1, or the lists do not fit.
    """
    check_offsets(offsets, candidates=len(scores))
    check_labels(labels, candidates=len(scores))
    _check_probabilities(scores)
    probability, label = scores.astype(np.float64), labels.astype(np.float64)
    sizes = np.diff(offsets)
    owner = impression_of(offsets)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(owner, values, minlength=len(sizes))

    clipped = probability.clip(CLIP, 1 - CLIP)
    loss = -np.log(np.where(label == 1, clipped, 1 - clipped))
    predicted = (probability >= THRESHOLD).astype(np.float64)
    clicks = total(label)
    with np.errstate(invalid="ignore"):  # 0 / 0 in impressions that are skipped
        values = {
            "logloss": total(loss) / sizes,
            "rmse": np.sqrt(total((label - probability) ** 2) / sizes),
            "accuracy": total(predicted == label) / sizes,
            "f1": 2 * total(predicted * label) / (total(predicted) + clicks),
        }
    return nan_where_one_sided(values, clicks, sizes)


class ProbabilityMetrics(ImpressionMeans):
    """Mean log loss, RMSE, accuracy and F1 over impressions; they want sigmoid scores, not dots.

    `compute` gives `logloss`, `rmse`, `accuracy`, `f1`, `impressions` and `skipped`, the
    impressions with no click or no negative; with none counted the means are NaN.
    """

    names = ("logloss", "rmse", "accuracy", "f1")
    per_impression = staticmethod(per_impression)


def _check_probabilities(scores: np.ndarray) -> None:
    check_scores(scores)
    outside = int(((scores < 0) | (scores > 1)).sum())
    if outside:
        raise InputError(
            f"scores: {outside} of {len(scores)} lie outside 0 to 1, expected probabilities"
        )
