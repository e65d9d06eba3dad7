"""Self-attention that starts as nothing: what each head finds is added at a gate of zero.

Dimensions: N sequences, L positions, I input width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nrms_torch.model.attention import full_precision

# How sharply a head looks for what is like a position at the start: times a cosine.
SHARPNESS_START = 4.0


class ResidualAttention(nn.Module):
    """X + Σ gate · softmax(Q Kᵀ) · X over the heads: inputs are their own values.

    Queries and keys start as one random orthogonal projection, so that a head looks for what is
    alike; the gates start at zero, so that the start is X, and can go below: what is said already
    is then said less.
    """

    def __init__(self, input_size: int, head_num: int, head_dim: int) -> None:
        super().__init__()
        self.head_num = head_num
        self.WQ = nn.Parameter(torch.empty(input_size, head_num * head_dim))
        self.WK = nn.Parameter(torch.empty(input_size, head_num * head_dim))
        self.gates = nn.Parameter(torch.zeros(head_num))

    def initialise(self, generator: torch.Generator) -> None:
        """Draw the projection, scaled so that logits are cosines times SHARPNESS_START."""
        nn.init.orthogonal_(self.WQ, generator=generator)
        width, projected = self.WQ.shape
        share = projected / self.head_num / max(width, projected)  # of a length² in one head
        with torch.no_grad():
            self.WQ.mul_((SHARPNESS_START / share) ** 0.5)
            self.WK.copy_(self.WQ)

    def forward(self, X: Tensor, mask: Tensor, places: Tensor | None = None) -> Tensor:
        """Attend over positions: X (N, L, I) and mask (N, L), true where attended, to (N, L, I).

        With places (N, L), X (U, I) are distinct inputs, and each position has the one at its
        place.
        """
        own = X if places is None else F.embedding(places, X)
        return own + self.weights(X, mask, places).to(own.dtype) @ own

    def weights(self, X: Tensor, mask: Tensor, places: Tensor | None = None) -> Tensor:
        """Give what is added to each output of each input, (N, L, L): all heads, at their gates."""
        projected = X @ torch.cat([self.WQ, self.WK], dim=1)
        if places is not None:
            projected = F.embedding(places, projected)
        heads = projected.unflatten(-1, (2, self.head_num, -1)).permute(2, 0, 3, 1, 4)
        logits = full_precision(heads[0] @ heads[1].transpose(-2, -1))
        # The least finite value, not -inf: a row with nothing to attend to must not become NaN.
        logits = logits.masked_fill(~mask[:, None, None, :], torch.finfo(logits.dtype).min)
        return (logits.softmax(dim=-1) * self.gates[:, None, None]).sum(dim=1)
