"""BatchNorm's training step with rows that weigh differently, forward and backward in few passes.

Written out, since that takes 13 passes over the rows where autograd takes about 24 (torch's
profiler, one call of 400 rows of 512), each of which wakes threads.
Dimensions: F features, C calls.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from nrms_torch.model.over_ranks import sum_over_ranks


class Normalise(torch.autograd.Function):
    """(X - mean) / √(var + eps) · weight + bias by the statistics of each call's weighted rows.

    Takes X (…, F), the share (rows, 1) that each row has in its call, a tensor a call in the order
    of X's rows, weight and bias (F,) and eps; gives the normalised rows, and each call's mean and
    biased variance (C, F) over all ranks, through which gradients flow as well.
    """

    @staticmethod
    def forward(
        ctx: Any, X: Tensor, shares: tuple[Tensor, ...], weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Normalise, and keep what the gradient needs."""
        rows = X.to(weight.dtype).flatten(0, -2)
        sizes = [len(share) for share in shares]
        centred, output = torch.empty_like(rows), torch.empty_like(rows)
        moments = []
        for share, own, from_mean, normal in zip(
            shares, rows.split(sizes), centred.split(sizes), output.split(sizes), strict=True
        ):
            # Summed, not a matrix product, whose rounding is three times as large here.
            mean = sum_over_ranks((share * own).sum(dim=0))
            torch.sub(own, mean, out=from_mean)
            var = sum_over_ranks(from_mean.square().mul_(share).sum(dim=0))
            torch.addcmul(bias, from_mean, weight * torch.rsqrt(var + eps), out=normal)
            moments.append((mean, var))
        means, variances = (torch.stack(moment) for moment in zip(*moments, strict=True))
        ctx.save_for_backward(centred, weight, torch.rsqrt(variances + eps))
        ctx.shares, ctx.dtype = shares, X.dtype
        ctx.mark_non_differentiable(means, variances)
        return output.view(X.shape), means, variances

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: Tensor, *_: Tensor
    ) -> tuple[Tensor, None, Tensor, Tensor, None]:
        """Give the gradients of X, and this rank's part of those of weight and bias."""
        centred, weight, inverses = ctx.saved_tensors
        rows = gradient.to(weight.dtype).reshape(centred.shape)
        sizes = [len(share) for share in ctx.shares]
        of_rows = torch.empty_like(rows)
        parts = []
        for share, inverse, own, from_mean, of_own in zip(
            ctx.shares,
            inverses,
            rows.split(sizes),
            centred.split(sizes),
            of_rows.split(sizes),
            strict=True,
        ):
            part = torch.stack([own.sum(dim=0), (own * from_mean).sum(dim=0) * inverse])
            parts.append(part)
            scale = weight * inverse
            by_mean, by_deviation = sum_over_ranks(part) * scale
            # What each row moves by way of mean and variance.
            through = torch.addcmul(by_mean, from_mean, by_deviation * inverse)
            torch.mul(own, scale, out=of_own).addcmul_(through, share, value=-1)
        of_bias, of_weight = torch.stack(parts).sum(dim=0)
        return of_rows.view(gradient.shape).to(ctx.dtype), None, of_weight, of_bias, None
