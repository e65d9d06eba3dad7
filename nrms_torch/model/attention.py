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
        if places is None:
            return self.attend(self.project(X), mask)
        if len(X) < places.numel():  # what occurs again is not projected again
            return self.attend(F.embedding(places, self.project(X)), mask)
        return self.attend(
            self.project(F.embedding(places, X)), mask
        )  # can be on one of many ranks

    def project(self, X: Tensor) -> Tensor:
        """Give queries, keys and values of inputs (…, I), side by side: (…, 3 D)."""
        # One product for all three: it is larger, and so is its gradient's. The queries' factor
        # stands at their weights, which are fewer than the logits.
        return X @ torch.cat([self.WQ / self.head_dim**0.5, self.WK, self.WV], dim=1)

    def attend(self, QKV: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend over what `project` gave for each position: (N, L, 3 D) to (N, L, D)."""
        output: Tensor = _Attend.apply(QKV, mask, self.head_num, self.transposed)
        return output

    def weights_and_values(self, X: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Give what each output takes of each position's values, and each head's values.

        They are (N, heads, L, L) and (N, heads, L, head_dim); X and mask as in `forward`.
        """
        (_, _, V), A = _heads_and_weights(self.project(X), mask, self.head_num)
        return _of_outputs(A, self.transposed), V


def _heads_and_weights(QKV: Tensor, mask: Tensor | None, head_num: int) -> tuple[Tensor, Tensor]:
    """Split (N, L, 3 D) into heads (3, N, heads, L, head_dim); give what queries take of keys too.

    That is A (N, heads, L, L), whose rows sum to 1, in float32 even under autocast.
    """
    heads = QKV.unflatten(-1, (3, head_num, -1)).permute(2, 0, 3, 1, 4).contiguous()
    logits = heads[0] @ heads[1].transpose(-2, -1)
    if mask is not None:
        # The least finite value, not -inf: a row with nothing to attend to must not become NaN.
        logits = logits.masked_fill(~mask[:, None, None, :], torch.finfo(logits.dtype).min)
    return heads, full_precision(logits).softmax(dim=-1)


def _of_outputs(A: Tensor, transposed: bool) -> Tensor:
    return A.transpose(-2, -1) if transposed else A


class _Attend(torch.autograd.Function):
    """Attention of (N, L, 3 D), queries, keys and values side by side, to (N, L, D).

    Its gradient is written out: so no factor of a product is copied, and the softmax goes along
    the last dimension, where it takes half the time.
    """

    @staticmethod
    def forward(
        ctx: Any, QKV: Tensor, mask: Tensor | None, head_num: int, transposed: bool
    ) -> Tensor:
        heads, A = _heads_and_weights(QKV, mask, head_num)
        ctx.save_for_backward(heads, A)
        ctx.transposed = transposed
        outputs = _of_outputs(A, transposed).to(heads.dtype) @ heads[2]
        return outputs.transpose(1, 2).flatten(2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        heads, A = ctx.saved_tensors
        Q, K, V = heads
        of_outputs = gradient.unflatten(-1, V.shape[1::2]).transpose(1, 2).contiguous()
        of_V = _of_outputs(A, not ctx.transposed).to(V.dtype) @ of_outputs
        left, right = (V, of_outputs) if ctx.transposed else (of_outputs, V)
        of_A = (left @ right.transpose(-2, -1)).to(A.dtype)
        of_logits = torch.ops.aten._softmax_backward_data(of_A, A, -1, A.dtype).to(V.dtype)
        of_Q, of_K = of_logits @ K, of_logits.transpose(-2, -1) @ Q
        # Written into place: stacked, they would be copied once more.
        N, head_num, L, head_dim = V.shape
        of_heads = V.new_empty(N, L, 3, head_num, head_dim)
        for place, of_head in zip(of_heads.unbind(2), (of_Q, of_K, of_V), strict=True):
            place.copy_(of_head.transpose(1, 2))
        return of_heads.flatten(2), None, None, None


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
        weights = self.weights(X, mask)
        # A product, which takes half the passes of a sum of multiples; float32 under autocast too.
        with torch.autocast(X.device.type, enabled=False):
            return (weights.transpose(1, 2) @ X.to(weights.dtype)).squeeze(1)

    def weights(self, X: Tensor, mask: Tensor | None = None) -> Tensor:
        """Give the weight of each position, (N, L, 1)."""
        logits = torch.tanh(X @ self.W + self.b) @ self.q
        # Under autocast the logits may be half precision, where exp overflows at 11.
        a = full_precision(logits).exp()
        if mask is not None:
            a = a * mask.unsqueeze(-1)
        return a / (a.sum(dim=1, keepdim=True) + 1e-7)
