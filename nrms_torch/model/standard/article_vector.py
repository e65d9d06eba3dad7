"""An article's vector: its content centred to length 1, its category, its popularity.

Dimensions: U articles, W content width, K categories, D = W + K + 1.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nrms_torch.data.facts import POPULARITY_UNIT

# Two articles of one category are closer by its square: .05 of a cosine, which ranks best on two
# forward days of MIND (docs/ablation.md).
CATEGORY_START = 0.05**0.5


class ArticleVector(nn.Module):
    """Puts content and facts side by side, as the views of an article that a dot product compares.

    Content without its mean over train's articles is what tells articles apart: what all have in
    common makes every cosine high. An article of no content, the unknown one, is zeros.
    """

    mean: Tensor

    def __init__(self, content_size: int, categories: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(content_size))
        self.category_scale = nn.Parameter(torch.full((categories,), CATEGORY_START))

    def forward(self, content: Tensor, facts: Tensor) -> Tensor:
        """Give vectors (U, D) of content (U, W) and facts (U, 2): category number, popularity."""
        return torch.cat([self.centred(content), self.views(facts)], dim=1)

    def centred(self, content: Tensor) -> Tensor:
        """Subtract the mean of content (U, W), and scale to length 1; zeros stay zeros."""
        known = (content != 0).any(dim=1, keepdim=True)
        return F.normalize((content - self.mean) * known, dim=1)

    def views(self, facts: Tensor) -> Tensor:
        """Give (U, K + 1) of facts (U, 2): the category as one of K, and the popularity."""
        numbers = torch.arange(1, len(self.category_scale) + 1, device=facts.device)
        category = (facts[:, :1] == numbers) * self.category_scale
        return torch.cat([category, facts[:, 1:] * POPULARITY_UNIT], dim=1)
