"""BatchNorm's training step with rows that weigh differently, forward and backward in few passes.

Written out, since that takes 12 passes over the rows where autograd takes 17 (torch's profiler,
400 rows of 512), each of which wakes threads.
Dimensions: R rows over all leading dimensions, F features.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from nrms_torch.model.over_ranks import sum_over_ranks


class Normalise(torch.autograd.Function):
    """(X - mean) / √(var + eps) · weight + bias by the statistics of X's weighted rows.

    Takes X (…, F), what each row counts (R, 1), weight and bias (F,) and eps; gives the normalised
    rows, and mean and biased variance (F,) over all ranks, through which gradients flow as well.
    """

    @staticmethod
    def forward(
        ctx: Any, X: Tensor, counts: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Normalise, and keep what the gradient needs."""
        rows = X.to(weight.dtype).flatten(0, -2)
        share = counts / sum_over_ranks(counts.sum())
        # Summed, not a matrix product, whose rounding is three times as large here.
        mean = sum_over_ranks((share * rows).sum(dim=0))
        centred = rows - mean
        var = sum_over_ranks(centred.square().mul_(share).sum(dim=0))
        inverse = torch.rsqrt(var + eps)
        normal = centred.mul_(inverse)
        ctx.save_for_backward(normal, share, weight, inverse)
        ctx.dtype = X.dtype
        ctx.mark_non_differentiable(mean, var)
        return torch.addcmul(bias, normal, weight).view(X.shape), mean, var

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: Tensor, *_: Tensor
    ) -> tuple[Tensor, None, Tensor, Tensor, None]:
        """Give the gradients of X, and this rank's part of those of weight and bias."""
        normal, share, weight, inverse = ctx.saved_tensors
        rows = gradient.to(weight.dtype).reshape(normal.shape)
        of_bias, of_weight = rows.sum(dim=0), (rows * normal).sum(dim=0)
        totals = sum_over_ranks(torch.stack([of_bias, of_weight]))
        # What each row moves by way of mean and variance.
        through = torch.addcmul(totals[0], normal, totals[1]).mul_(share)
        of_rows = (rows - through).mul_(weight * inverse)
        return of_rows.view(gradient.shape).to(ctx.dtype), None, of_weight, of_bias, None
