"""What a training step of a distributed run does over all ranks, as one process would do it."""

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.nn.functional import all_reduce
from torch.nn import functional as F


def sum_over_ranks(tensor: Tensor) -> Tensor:
    """Add up a tensor over the ranks, gradients too; alone, give it as it is."""
    if not dist.is_initialized():
        return tensor
    summed: Tensor = all_reduce(tensor)
    return summed


def rows_of_all_ranks(rows: Tensor) -> Tensor:
    """Give the rows (…) of every rank, equally many each, as one flat list in ranks' order."""
    if not dist.is_initialized():
        return rows.flatten()
    parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, rows.contiguous())
    return torch.stack(parts).flatten()


def encode_by_shares(
    encode: Callable[[Tensor, Tensor], Tensor], articles: Tensor, counts: Tensor
) -> Tensor:
    """Encode articles (U, …) that occur `counts` (U,) times, a share on each rank: (U, D).

    All ranks have the same articles and get all vectors. The last shares are filled up with
    articles that occur 0 times.
    """
    if not dist.is_initialized():
        return encode(articles, counts)
    rank, ranks = dist.get_rank(), dist.get_world_size()
    share = -(-len(articles) // ranks)
    fill = share * ranks - len(articles)
    own = slice(rank * share, (rank + 1) * share)
    articles = torch.cat([articles, articles[:1].expand(fill, *articles.shape[1:])])
    vectors = encode(articles[own], F.pad(counts, (0, fill))[own])
    # Every vector is zero on all ranks but one, so that the sum gathers them, exactly.
    placed = F.pad(vectors, (0, 0, own.start, (ranks - 1 - rank) * share))
    return sum_over_ranks(placed)[: len(counts)]
