"""What a training step of a distributed run does over all ranks, as one process would do it."""

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F

# How often each article occurs: a tensor for each call of the news encoder that the baseline makes,
# whose articles come one after the other.
Counts = tuple[Tensor, ...]


def sum_over_ranks(tensor: Tensor) -> Tensor:
    """Add up a tensor over the ranks, gradients too; alone, give it as it is."""
    if not dist.is_initialized():
        return tensor
    summed: Tensor = _Sum.apply(tensor)
    return summed


class _Sum(torch.autograd.Function):
    """The sum over ranks, whose gradient is the sum of the ranks' gradients.

    torch has one of its own, and is giving it up for another that is not public yet.
    """

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        """Sum a copy, so that the tensor stays what it was."""
        summed = tensor.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Sum the gradients."""
        return sum_over_ranks(*gradients)


def rows_of_all_ranks(rows: Tensor) -> Tensor:
    """Give the rows (…) of every rank, equally many each, as one flat list in ranks' order."""
    if not dist.is_initialized():
        return rows.flatten()
    parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, rows.contiguous())
    return torch.stack(parts).flatten()


def encode_by_shares(
    encode: Callable[[Tensor, Counts], Tensor], articles: Tensor, counts: Counts
) -> Tensor:
    """Encode articles (U, …) that occur `counts` times, a share of each call a rank: (U, D).

    All ranks have the same articles and get all vectors. The last shares are filled up with
    articles that occur 0 times.
    """
    if not dist.is_initialized():
        return encode(articles, counts)
    rank, ranks = dist.get_rank(), dist.get_world_size()
    sizes = [len(call) for call in counts]
    shares = [-(-size // ranks) for size in sizes]
    own, own_counts = [], []
    for call, of_call, share in zip(articles.split(sizes), counts, shares, strict=True):
        fill = share * ranks - len(call)
        filled = torch.cat([call, call[:1].expand(fill, *call.shape[1:])])
        own.append(filled.split(share)[rank])
        own_counts.append(F.pad(of_call, (0, fill)).split(share)[rank])
    vectors = encode(torch.cat(own), tuple(own_counts))
    # Every vector is zero on all ranks but one, so that the sum gathers them, exactly.
    placed = [
        F.pad(call, (0, 0, rank * share, (ranks - 1 - rank) * share))[:size]
        for call, share, size in zip(vectors.split(shares), shares, sizes, strict=True)
    ]
    return sum_over_ranks(torch.cat(placed))
