"""What breaks the rules of ranks, metrics, submissions, and of scoring for all of them."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nrms_tf_reference.parity.rules.patching import Everywhere, Patch, around
from nrms_torch.evaluation import beyond_accuracy, probability, ranking
from nrms_torch.evaluation.probability import ProbabilityMetrics
from nrms_torch.evaluation.ranking import RankingMetrics
from nrms_torch.evaluation.scoring import score_chunk
from nrms_torch.evaluation.submission import submission_lines


def metric(name: str, value: Callable[[Tensor, int], Tensor]) -> Patch:
    """Put `value(clicks' ranks, number of candidates)` of each impression in place of a metric."""

    def changed(real: Any, scores: Tensor, labels: Tensor, offsets: Tensor) -> dict[str, Tensor]:
        values: dict[str, Tensor] = real(scores, labels, offsets)
        sizes = offsets.diff().tolist()
        rank = ranking.ranks(scores, offsets).double().split(sizes)
        lists = zip(rank, labels.split(sizes), values[name], strict=True)
        return values | {
            name: torch.stack(
                [old if old.isnan() else value(own[y == 1], len(y)) for own, y, old in lists]
            )
        }

    return Everywhere(ranking.per_impression, changed)


def ndcg(
    k: int,
    discount: Callable[[Tensor], Tensor] = lambda rank: 1 / (rank + 1).log2(),
    *,
    ideal_is_whole: bool = False,
) -> Callable[[Tensor, int], Tensor]:
    """Give nDCG@k as the baseline does but for what is asked."""

    def value(rank: Tensor, _: int) -> Tensor:
        best = torch.arange(1, len(rank) + 1).double()
        ideal = discount(best if ideal_is_whole else best[:k]).sum()
        return discount(rank[rank <= k]).sum() / ideal

    return value


def _auc_by_rank(rank: Tensor, size: int) -> Tensor:
    """Give the AUC of ranks, in which nothing ties."""
    clicks = len(rank)
    beaten = (size - rank).sum() - clicks * (clicks - 1) / 2
    return beaten / (clicks * (size - clicks))


def _earlier_first(real: Any, scores: Tensor, offsets: Tensor) -> Tensor:
    backwards: Tensor = real(scores.flip(0), offsets[-1] - offsets.flip(0))
    return backwards.flip(0)


def _of_another_history(real: Any, model: Any, news: Tensor, chunk: Any) -> Any:
    return real(model, news, chunk._replace(owner=chunk.owner.roll(1)))


def _pooled(real: Any, scores: Tensor, labels: Tensor, offsets: Tensor) -> Any:
    return real(scores, labels, offsets[[0, -1]])


def _euclidean(left: npt.ArrayLike, right: npt.ArrayLike) -> np.ndarray:
    apart = np.asarray(left)[:, None] - np.asarray(right)[None]
    return np.asarray(np.linalg.norm(apart, axis=2))


METRICS: dict[str, tuple[Patch, ...]] = {
    "later_tie_first": (Everywhere(ranking.ranks, _earlier_first),),
    "ranked_by_dots": (
        Everywhere(score_chunk, lambda real, *arguments: real(*arguments).sigmoid()),
    ),
    "encoded_once": (Everywhere(score_chunk, _of_another_history),),
    "auc_per_impression": (around(RankingMetrics, "per_impression", _pooled),),
    "auc_tie": (metric("auc", _auc_by_rank),),
    "mrr": (metric("mrr", lambda rank, _: 1 / rank.min()),),
    "ndcg_discount": (metric("ndcg@10", ndcg(10, lambda rank: 1 / rank)),),
    "ndcg_ideal": (metric("ndcg@5", ndcg(5, ideal_is_whole=True)),),
    "log_loss_clip": (patch.object(probability, "CLIP", 1e-7),),
    "threshold": (patch.object(probability, "THRESHOLD", 0.4),),
    "mean_of_impressions": (around(ProbabilityMetrics, "per_impression", _pooled),),
    "cosine_distance": (
        Everywhere(
            beyond_accuracy.intralist_diversity,
            lambda _, one: _euclidean(one, one)[np.triu_indices(len(one), k=1)].mean(),
        ),
        Everywhere(
            beyond_accuracy.serendipity, lambda _, one, other: _euclidean(one, other).mean()
        ),
    ),
    "novelty_in_bits": (Everywhere(beyond_accuracy.novelty, lambda real, p: real(p) * np.log(2)),),
    "best_is_1": (Everywhere(ranking.ranks, lambda real, scores, offsets: real(-scores, offsets)),),
    "submission_line": (
        Everywhere(
            submission_lines,
            lambda real, *arguments: (line.replace(",", ", ") for line in real(*arguments)),
        ),
    ),
}
