"""The ranking metrics of `metrics` for tensors, and their means over processes."""

import torch
from torch import Tensor

from nrms_torch.evaluation import metrics
from nrms_torch.evaluation.impression_means import ImpressionMeans, arrays


def ranks(scores: Tensor, offsets: Tensor) -> Tensor:
    """Rank each candidate in its impression, (N,) int64 on the CPU, as `metrics.ranks` does."""
    return torch.from_numpy(metrics.ranks(*arrays(scores, offsets)))


def per_impression(scores: Tensor, labels: Tensor, offsets: Tensor) -> dict[str, Tensor]:
    """Compute each metric of each impression, (I,) float64, as `metrics.per_impression` does."""
    values = metrics.per_impression(*arrays(scores, labels, offsets))
    return {name: torch.from_numpy(value) for name, value in values.items()}


class RankingMetrics(ImpressionMeans):
    """Mean AUC, MRR, reciprocal rank and nDCG over impressions, from one sort an update.

    `compute` gives `auc`, `mrr`, `reciprocal_rank`, `ndcg@5`, `ndcg@10`, `impressions` and
    `skipped`, the impressions with no click or no negative; with none counted the means are NaN.
    """

    names = metrics.NAMES
    per_impression = staticmethod(metrics.per_impression)
