"""How well scores rank the clicked candidates of each impression, with the baseline's tie rule.

Shapes: N candidates, I impressions; scores (N,), labels (N,) 0 or 1, offsets (I + 1,) int64.
Impression i owns the candidates offsets[i]:offsets[i + 1].
"""

import torch
from torch import Tensor

from nrms_torch.evaluation.impression_means import ImpressionMeans, nan_where_one_sided
from nrms_torch.evaluation.segments import (
    check_labels,
    check_offsets,
    check_scores,
    impression_of,
    sum_by_impression,
)


def ranks(scores: Tensor, offsets: Tensor) -> Tensor:
    """Rank each candidate in its impression, (N,) int64: 1 is best, and the later of equals first.

    The baseline's rule is argsort(scores)[::-1] with a stable sort.

    Raises:
        InputError: a score is NaN, or the offsets do not cut the scores.
    """
    check_offsets(offsets, candidates=len(scores))
    check_scores(scores)
    sizes = offsets.diff()
    ranked = torch.empty(len(scores), dtype=torch.int64, device=scores.device)
    # Short rows side by side sort four times as fast as one long list; widths are powers of two,
    # so that at most half of a row is padding.
    exponents = sizes.double().log2().ceil()
    for exponent in exponents[sizes > 0].unique().tolist():
        width = int(2**exponent)
        rows = (exponents == exponent).nonzero()
        places = offsets[rows + 1] + torch.arange(-width, 0, device=scores.device)
        own = places >= offsets[rows]
        # Padding stands to the left: sorted stably, it stays behind even a score of -inf.
        padded = scores[places.clamp(min=0)].masked_fill_(~own, -torch.inf)
        order = padded.argsort(dim=1, stable=True)
        descending = torch.arange(width, 0, -1, device=scores.device).expand_as(order)
        rank = torch.empty_like(order).scatter_(1, order, descending)
        ranked.index_copy_(0, places[own], rank[own])
    return ranked


def per_impression(scores: Tensor, labels: Tensor, offsets: Tensor) -> dict[str, Tensor]:
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
    size = offsets.diff()
    # Beyond the ranks, a metric needs the clicked candidates alone: one in ten.
    clicked = labels.nonzero().squeeze(1)
    impression = impression_of(offsets)[clicked]
    clicks = torch.bincount(impression, minlength=len(size))
    click_rank = rank[clicked]

    reciprocal = 1 / click_rank.double()
    best = torch.zeros_like(clicks, dtype=torch.float64)
    values = {
        "auc": _auc(_doubled_midranks(scores, rank, offsets)[clicked], impression, clicks, size),
        "mrr": sum_by_impression(reciprocal, impression, len(size)) / clicks,
        "reciprocal_rank": best.scatter_reduce_(0, impression, reciprocal, "amax"),
        "ndcg@5": _ndcg(click_rank, impression, clicks, k=5),
        "ndcg@10": _ndcg(click_rank, impression, clicks, k=10),
    }
    return nan_where_one_sided(values, clicks, size)


class RankingMetrics(ImpressionMeans):
    """Mean AUC, MRR, reciprocal rank and nDCG over impressions, from one sort an update.

    `compute` gives `auc`, `mrr`, `reciprocal_rank`, `ndcg@5`, `ndcg@10`, `impressions` and
    `skipped`, the impressions with no click or no negative; with none counted the means are NaN.
    """

    names = ("auc", "mrr", "reciprocal_rank", "ndcg@5", "ndcg@10")
    per_impression = staticmethod(per_impression)


def _doubled_midranks(scores: Tensor, rank: Tensor, offsets: Tensor) -> Tensor:
    """Twice the mean rank of each candidate and its equals, (N,) int64: whole numbers, so exact."""
    first = offsets[impression_of(offsets)]
    place = first + rank - 1
    in_order = torch.empty_like(scores).index_copy_(0, place, scores)
    opens_tie = torch.ones_like(place, dtype=torch.bool)
    opens_tie[1:] = in_order[1:] != in_order[:-1]
    opens_tie[place[rank == 1]] = True
    starts = opens_tie.nonzero().squeeze(1)
    ends = torch.cat([starts[1:], offsets[-1:]])
    tie = (opens_tie.cumsum(0) - 1)[place]
    return starts[tie] + ends[tie] + 1 - 2 * first


def _auc(doubled_midrank: Tensor, impression: Tensor, clicks: Tensor, size: Tensor) -> Tensor:
    """Mann-Whitney's U of the clicks over the number of (click, negative) pairs, (I,)."""
    beaten = 2 * (size[impression] + 1) - doubled_midrank
    doubled_u = torch.zeros_like(clicks).index_add_(0, impression, beaten) - clicks * (clicks + 1)
    return doubled_u.double() / (2 * clicks * (size - clicks))


def _ndcg(click_rank: Tensor, impression: Tensor, clicks: Tensor, k: int) -> Tensor:
    """Discounted gain of the clicks in the first k over that of the best order, (I,).

    With labels 0 and 1 the gain 2^y − 1 is y, so the clicks' discounts are all there is to sum.
    """
    # On the CPU first: CUDA has no deterministic cumsum.
    on_cpu = 1 / torch.arange(2, k + 2, dtype=torch.float64).log2()
    discount = on_cpu.to(clicks.device)
    shown = click_rank <= k
    gain = sum_by_impression(discount[click_rank[shown] - 1], impression[shown], len(clicks))
    ideal = torch.cat([on_cpu.new_zeros(1), on_cpu.cumsum(0)]).to(clicks.device)
    return gain / ideal[clicks.clamp(max=k)]
