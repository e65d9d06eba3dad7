"""Self-attention and additive pooling, as the baseline computes them and as the paper does.

Dimensions: N sequences, L positions, I input width, D = head_num * head_dim, A hidden width.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def full_precision(X: Tensor) -> Tensor:
    """Turn what autocast made half precision into float32; float64 stays."""
    return X.to(torch.promote_types(X.dtype, torch.float32))


class SelfAttention(nn.Module):
    """Multi-head self-attention without bias, output projection, residual or layer norm.

    With `transposed` the output is Aᵀ·V, output j summing A[i, j] V[i] over queries i: measured on
    the TensorFlow baseline, and its own. Without, it is the paper's A·V (Wu et al., 2019).
    """

    def __init__(self, input_size: int, head_num: int, head_dim: int, *, transposed: bool) -> None:
        super().__init__()
        self.head_num = head_num
        self.head_dim = head_dim
        self.transposed = transposed
        self.WQ = nn.Parameter(torch.empty(input_size, head_num * head_dim))
        self.WK = nn.Parameter(torch.empty(input_size, head_num * head_dim))
        self.WV = nn.Parameter(torch.empty(input_size, head_num * head_dim))

    def forward(
        self, X: Tensor, mask: Tensor | None = None, places: Tensor | None = None
    ) -> Tensor:
        """Attend over positions: X (N, L, I) and mask (N, L), true where attended, to (N, L, D).

        With places (N, L), X (U, I) are distinct inputs, and each position has the one at its
        place.
        """
        weights, values = self.weights_and_values(X, mask, places)
        return (weights @ values).transpose(1, 2).flatten(2)

    def weights_and_values(
        self, X: Tensor, mask: Tensor | None = None, places: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Give what each output takes of each position's values, and each head's values.

        They are (N, heads, L, L) and (N, heads, L, head_dim); X, mask and places as in `forward`.
        """
        # One product for all three: it is larger, and so is its gradient's. The queries' factor
        # stands at their weights, which are fewer than the logits.
        W = torch.cat([self.WQ / self.head_dim**0.5, self.WK, self.WV], dim=1)
        if places is None:
            QKV = X @ W
        elif len(X) < places.numel():
            QKV = F.embedding(places, X @ W)  # what occurs again is not projected again
        else:  # as it can be on one of many ranks
            QKV = F.embedding(places, X) @ W
        Q, K, V = _SplitHeads.apply(QKV, self.head_num)
        # Keys before queries: so laid out, no product of either variant, nor of its gradient,
        # needs a copy of its factors.
        logits = K @ Q.transpose(-2, -1)
        if mask is not None:
            # The least finite value, not -inf: a row with nothing to attend to must not become NaN.
            logits = logits.masked_fill(~mask[:, None, :, None], torch.finfo(logits.dtype).min)
        A = logits.softmax(dim=-2)
        return A if self.transposed else A.transpose(-2, -1), V


class _SplitHeads(torch.autograd.Function):
    """Splits (N, L, 3 D) into queries, keys and values, each (N, heads, L, head_dim), contiguous.

    Its gradient is written into place: autograd's own would be stacked first, a twelfth of a step.
    """

    @staticmethod
    def forward(ctx: Any, QKV: Tensor, head_num: int) -> tuple[Tensor, ...]:
        parts = QKV.unflatten(-1, (3, head_num, -1)).unbind(2)
        return tuple(part.transpose(1, 2).contiguous() for part in parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        N, heads, L, head_dim = gradients[0].shape
        together = gradients[0].new_empty(N, L, len(gradients), heads, head_dim)
        for place, gradient in zip(together.unbind(2), gradients, strict=True):
            place.copy_(gradient.transpose(1, 2))
        return together.flatten(2), None


class AdditivePooling(nn.Module):
    """Weighted sum over positions with weights a / (Σa + 1e-7), a = exp(tanh(X W + b) q).

    No maximum is subtracted and 1e-7 is added, as in the baseline; a masked position has a = 0,
    so that a sequence with nothing in it pools to zeros.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.empty(input_size, hidden_size))
        self.b = nn.Parameter(torch.zeros(hidden_size))
        self.q = nn.Parameter(torch.empty(hidden_size, 1))

    def forward(self, X: Tensor, mask: Tensor | None = None) -> Tensor:
        """Pool positions: X (N, L, I) and mask (N, L), true where counted, to (N, I)."""
        return (self.weights(X, mask).transpose(1, 2) @ X).squeeze(1)

    def weights(self, X: Tensor, mask: Tensor | None = None) -> Tensor:
        """Give the weight of each position, (N, L, 1)."""
        logits = torch.tanh(X @ self.W + self.b) @ self.q
        # Under autocast the logits may be half precision, where exp overflows at 11.
        a = full_precision(logits).exp()
        if mask is not None:
            a = a * mask.unsqueeze(-1)
        return a / (a.sum(dim=1, keepdim=True) + 1e-7)
