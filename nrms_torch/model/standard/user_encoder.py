"""The standard variant's user encoder: the vectors of the clicked articles to one user vector.

Dimensions: B readers, H clicks, W content width, K categories, D = W + K + 1.
"""

from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nrms_torch.model.attention import AdditivePooling
from nrms_torch.model.hyper_parameters import StandardHyperParameters
from nrms_torch.model.standard.attention import ResidualAttention

# A cosine's factor before the softmax over candidates. Popularity is a logarithm of chances, and
# stands beside it as it is.
TEMPERATURE_START = 8.0


class StandardUserEncoder(nn.Module):
    """Residual self-attention over the known clicks → additive pooling → length `temperature`.

    To that is added one vector that all readers share, which alone ranks for a reader without a
    click. A dot product with it is temperature · cosine + what every reader clicks + popularity.
    It starts at the cosine with the mean of the clicks.
    """

    def __init__(self, hyper_parameters: StandardHyperParameters) -> None:
        super().__init__()
        hp = hyper_parameters
        self.content_size = hp.content_size
        self.attention = ResidualAttention(hp.content_size, hp.head_num, hp.head_dim)
        self.pooling = AdditivePooling(hp.content_size, hp.attention_hidden_dim)
        self.log_temperature = nn.Parameter(torch.tensor(log(TEMPERATURE_START)))
        self.common = nn.Parameter(torch.zeros(hp.vector_size - 1))

    def forward(self, clicked: Tensor, mask: Tensor, places: Tensor | None = None) -> Tensor:
        """Encode clicked (B, H, D) and mask (B, H), true where an article is known, to (B, D).

        With places (B, H), clicked (U, D) are distinct articles, and each click is the one at its
        place.
        """
        content, category = self.split(clicked)
        X = self.attention(content, mask, places)
        weights = self.pooling.weights(X, mask).transpose(1, 2)
        if places is not None:
            category = F.embedding(places, category)
        own = (weights @ torch.cat([X, category], dim=2).to(weights.dtype)).squeeze(1)
        # In training popularity has counted the very click that is to be foretold.
        popularity = torch.full_like(own[:, :1], 0.0 if self.training else 1.0)
        user = self.log_temperature.exp() * F.normalize(own, dim=1) + self.common
        return torch.cat([user, popularity], dim=1)

    def split(self, clicked: Tensor) -> tuple[Tensor, Tensor]:
        """Cut vectors (…, D) into content (…, W) and category (…, K); a taste has no popularity."""
        return clicked[..., : self.content_size], clicked[..., self.content_size : -1]
