"""The baseline's user encoder: the vectors of the clicked articles to one user vector."""

from torch import Tensor, nn

from nrms_torch.model.attention import AdditivePooling, SelfAttention
from nrms_torch.model.hyper_parameters import BaselineHyperParameters


class UserEncoder(nn.Module):
    """Self-attention over the H clicked articles, then additive pooling; no dropout."""

    def __init__(self, hyper_parameters: BaselineHyperParameters) -> None:
        super().__init__()
        hp = hyper_parameters
        self.self_attention = SelfAttention(
            hp.vector_size, hp.head_num, hp.head_dim, transposed=True
        )
        self.pooling = AdditivePooling(hp.vector_size, hp.attention_hidden_dim)

    def forward(
        self, clicked: Tensor, mask: Tensor | None = None, places: Tensor | None = None
    ) -> Tensor:
        """Encode clicked (B, H, D) and mask (B, H), true where an article is known, to (B, D).

        With places (B, H), clicked (U, D) are distinct articles, and each click is the one at its
        place.
        """
        return self.pooling(self.self_attention(clicked, mask, places), mask)
