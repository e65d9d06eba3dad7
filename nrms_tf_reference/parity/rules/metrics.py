"""Ranks, ranking metrics, probability metrics, the submission, and scoring for all of them."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from nrms_tf_reference.parity.rules.rule import Everywhere, Patch, Rule, around
from nrms_torch.evaluation import beyond_accuracy, probability, ranking
from nrms_torch.evaluation.probability import ProbabilityMetrics
from nrms_torch.evaluation.ranking import RankingMetrics
from nrms_torch.evaluation.scoring import score_chunk
from nrms_torch.evaluation.segments import impression_of, sum_by_impression
from nrms_torch.evaluation.submission import submission_lines

_SCORING = "tests/evaluation/test_scoring.py::"


def ranking_with(name: str, value: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> Patch:
    """Put `value(clicks' ranks, their impressions, clicks, sizes)` in place of one metric."""

    def broken(real: Any, scores: Tensor, labels: Tensor, offsets: Tensor) -> dict[str, Tensor]:
        values: dict[str, Tensor] = real(scores, labels, offsets)
        clicked = labels.nonzero().squeeze(1)
        impression = impression_of(offsets)[clicked]
        clicks = torch.bincount(impression, minlength=len(offsets) - 1)
        rank = ranking.ranks(scores, offsets)[clicked].double()
        return values | {name: value(rank, impression, clicks, offsets.diff())}

    return Everywhere(ranking.per_impression, broken)


def _first_hit(rank: Tensor, impression: Tensor, clicks: Tensor, _: Tensor) -> Tensor:
    best = torch.zeros(len(clicks), dtype=torch.float64)
    return best.scatter_reduce(0, impression, 1 / rank, "amax")


def _auc_by_rank(rank: Tensor, impression: Tensor, clicks: Tensor, size: Tensor) -> Tensor:
    """Give the AUC of ranks, in which nothing ties."""
    beaten = sum_by_impression(size[impression] - rank, impression, len(clicks))
    return (beaten - clicks * (clicks - 1) / 2) / (clicks * (size - clicks))


def _by_log(rank: Tensor) -> Tensor:
    return 1 / (rank + 1).log2()


def ndcg_with(
    k: int, discount: Callable[[Tensor], Tensor] = _by_log, *, ideal_is_whole: bool = False
) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    """Give nDCG@k as the baseline does but for what is asked."""

    def ndcg(rank: Tensor, impression: Tensor, clicks: Tensor, _: Tensor) -> Tensor:
        gain = sum_by_impression(discount(rank) * (rank <= k), impression, len(clicks))
        best = torch.arange(1, int(clicks.max()) + 1).double()
        kept = best <= (len(best) if ideal_is_whole else k)
        return gain / (discount(best) * kept).cumsum(0)[clicks - 1]

    return ndcg


def _earlier_first(real: Any, scores: Tensor, offsets: Tensor) -> Tensor:
    backwards: Tensor = real(scores.flip(0), offsets[-1] - offsets.flip(0))
    return backwards.flip(0)


def _worst_first(real: Any, scores: Tensor, offsets: Tensor) -> Tensor:
    ranked: Tensor = real(-scores, offsets)
    return ranked


def _with_spaces(real: Any, *arguments: Any) -> Iterator[str]:
    return (line.replace(",", ", ") for line in real(*arguments))


def _pooled(real: Any, scores: Tensor, labels: Tensor, offsets: Tensor) -> dict[str, Tensor]:
    values: dict[str, Tensor] = real(scores, labels, offsets[[0, -1]])
    return values


METRICS = (
    Rule(
        "Of equal scores the later candidate ranks first",
        "argsort(scores)[::-1], a sort that is stable",
        "the earlier",
        "metrics.json",
        (Everywhere(ranking.ranks, _earlier_first),),
    ),
    Rule(
        "Candidates rank by their dots",
        "in float32 a sigmoid of 17 and more is 1: a tie",
        "by sigmoids",
        _SCORING + "test_far_out_dots_do_not_tie",
        (Everywhere(score_chunk, lambda real, *arguments: real(*arguments).sigmoid()),),
    ),
    Rule(
        "Articles and histories encoded once score as if encoded for every candidate",
        "the baseline's scorer encodes 21 articles a candidate",
        "a history is another impression's",
        _SCORING + "test_scores_are_those_of_the_models_forward_pass",
        (
            Everywhere(
                score_chunk,
                lambda real, model, news, chunk: real(
                    model, news, chunk._replace(owner=chunk.owner.roll(1))
                ),
            ),
        ),
    ),
    Rule(
        "AUC is per impression, and all metrics are means over impressions",
        "as papers report; the benchmark's val_auc is pooled: there we differ on purpose",
        "pooled over all candidates",
        "metrics.json",
        (around(RankingMetrics, "per_impression", _pooled),),
    ),
    Rule(
        "In AUC a tie counts half",
        "as in sklearn",
        "as the ranks have it",
        "metrics.json",
        (ranking_with("auc", _auc_by_rank),),
    ),
    Rule(
        "MRR is Σ(y / rank) / Σy",
        "the baseline's; the textbook's is `reciprocal_rank`",
        "1 / rank of the best click",
        "metrics.json",
        (ranking_with("mrr", _first_hit),),
    ),
    Rule(
        "nDCG discounts by log2(rank + 1)",
        "gains are 2^y − 1, which is y for a click",
        "by the rank",
        "metrics.json",
        (ranking_with("ndcg@10", ndcg_with(10, lambda rank: 1 / rank)),),
    ),
    Rule(
        "nDCG@k's ideal is cut at k",
        "with more clicks than k it shows",
        "all clicks",
        "tests/evaluation/test_ranking.py::test_the_ideal_of_ndcg_is_cut_at_k",
        (ranking_with("ndcg@5", ndcg_with(5, ideal_is_whole=True)),),
    ),
    Rule(
        "Log loss clips probabilities at 1e-11",
        "float32 sigmoids reach 0 and 1",
        "at 1e-7, Keras' epsilon",
        "metrics.json",
        (patch.object(probability, "CLIP", 1e-7),),
    ),
    Rule(
        "Accuracy and F1 predict a click from .5 on",
        "the baseline's threshold",
        "from .4 on",
        "metrics.json",
        (patch.object(probability, "THRESHOLD", 0.4),),
    ),
    Rule(
        "Log loss, RMSE, accuracy and F1 are means over impressions",
        "a long list weighs as a short one",
        "pooled over all candidates",
        "metrics.json",
        (around(ProbabilityMetrics, "per_impression", _pooled),),
    ),
    Rule(
        "Distances are 1 − cosine",
        "of intra-list diversity and serendipity",
        "Euclidean",
        "metrics.json",
        (
            Everywhere(
                beyond_accuracy._distances,
                lambda _, left, right: np.linalg.norm(
                    np.asarray(left)[:, None] - np.asarray(right)[None], axis=2
                ),
            ),
        ),
    ),
    Rule(
        "Novelty is in bits",
        "−log2 p",
        "in nats",
        "metrics.json",
        (Everywhere(beyond_accuracy.novelty, lambda real, p: real(p) * np.log(2)),),
    ),
    Rule(
        "A submission ranks the best 1",
        "`argsort(argsort(scores)[::-1]) + 1`",
        "the worst",
        "pipeline.json",
        (Everywhere(ranking.ranks, _worst_first),),
    ),
    Rule(
        "A submission's line is `id [r1,r2,…]`",
        "with no space in the list",
        "with spaces",
        "pipeline.json",
        (Everywhere(submission_lines, _with_spaces),),
    ),
)
