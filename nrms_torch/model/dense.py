"""The dense layers of a news encoder, with a BatchNorm that knows how often a row occurs.

Dimensions: U distinct articles, F features; a title's tokens may stand between them, (U, T, F).
The articles may be those of several calls, one after the other: a BatchNorm takes the statistics of
each call by itself, and all else makes no difference between them.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nrms_torch.model.dropout import Dropout
from nrms_torch.model.normalise import Normalise
from nrms_torch.model.over_ranks import Counts, sum_over_ranks


class CountedBatchNorm(nn.Module):
    """BatchNorm over distinct rows, weighted by how often each occurs in the batch.

    Weighting by counts gives the statistics of the repeated rows exactly, so that an article is
    encoded once. In the baseline, Keras 2's TimeDistributed runs the update of the moving
    statistics twice a call (measured) and keeps the biased variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        # Two updates m ← .99 m + .01 x with one x are a single step of 1 - .99².
        self.step, self.eps = 1 - 0.99**2, 1e-3
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))
        self.register_buffer("running_mean", torch.zeros(size))
        self.register_buffer("running_var", torch.ones(size))

    def forward(self, X: Tensor, counts: Counts | None = None) -> Tensor:
        """Normalise X (U, …, F); counts are used in training and default to one call of ones."""
        if not self.training:
            scale = self.weight * torch.rsqrt(self.running_var + self.eps)
            return X * scale + (self.bias - self.running_mean * scale)
        counts = (torch.ones(len(X), device=X.device),) if counts is None else counts
        places = X.shape[:-1].numel() // len(X)
        shares = tuple(_shares(call, places, self.weight.dtype) for call in counts)
        output: Tensor
        output, means, variances = Normalise.apply(X, shares, self.weight, self.bias, self.eps)
        with torch.no_grad():
            for mean, variance in zip(means, variances, strict=True):
                self.running_mean.lerp_(mean, self.step)
                self.running_var.lerp_(variance, self.step)
        return output


class DenseStack(nn.Module):
    """Dense with relu → BatchNorm → dropout, once per entry of `units`."""

    def __init__(self, input_size: int, units: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        sizes = zip((input_size, *units), units, strict=False)
        self.dense = nn.ModuleList(nn.Linear(before, after) for before, after in sizes)
        self.batch_norm = nn.ModuleList(CountedBatchNorm(size) for size in units)
        self.dropout = Dropout(dropout)

    def forward(self, X: Tensor, counts: Counts | None = None) -> Tensor:
        """Map X (U, …, input_size) to (U, …, units[-1]); counts weight the BatchNorms' rows."""
        for dense, batch_norm in zip(self.dense, self.batch_norm, strict=True):
            X = self.dropout(batch_norm(F.relu(dense(X)), counts))
        return X

    def sum_of_squared_kernels(self) -> Tensor:
        """Give Σ w² over the kernels, biases left out: what the baseline's L2 term multiplies."""
        kernels = [layer.weight for layer in self.dense if isinstance(layer, nn.Linear)]
        # A norm's gradient is one pass over the kernel, a dot product's three.
        norms = [torch.linalg.vector_norm(kernel) for kernel in kernels]
        return torch.stack(norms).square().sum()


def _shares(counts: Tensor, places: int, dtype: torch.dtype) -> Tensor:
    """Give what each row makes up of a call over all ranks, an article being `places` rows."""
    counts = counts.to(dtype)
    shares = counts / (sum_over_ranks(counts.sum()) * places)
    return shares.repeat_interleave(places).unsqueeze(-1)
