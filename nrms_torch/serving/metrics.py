"""The metrics of labelled impressions as the server answers with them."""

import numpy as np

from nrms_torch.data.impressions import Impressions
from nrms_torch.evaluation.metrics import means, per_impression


def ranking_metrics(scores: np.ndarray, impressions: Impressions) -> dict[str, float | int | None]:
    """Give the means and the counts that `evaluate` writes, of scores (N,) of labelled impressions.

    A mean is None where no impression counts: JSON has no NaN.
    """
    assert impressions.labels is not None
    values = per_impression(scores, impressions.labels, impressions.offsets)
    skipped = int(np.isnan(values["auc"]).sum())
    counted = len(impressions) - skipped
    return {
        **{name: mean if counted else None for name, mean in means(values).items()},
        "impressions": counted,
        "skipped": skipped,
        "unknown_articles": impressions.unknown_articles,
    }
