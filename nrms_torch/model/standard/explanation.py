"""Exact splits of a score of the standard variant over clicks, and of a title over its words.

Attention, pooling and lengths are taken as they are, so that a vector is a sum over its inputs.
Dimensions: N sequences, L positions, U articles, T tokens, B users, H clicks, D vector width.
"""

import torch
from torch import Tensor

from nrms_torch.data.facts import FACTS
from nrms_torch.model.attention import AdditivePooling
from nrms_torch.model.standard.attention import ResidualAttention
from nrms_torch.model.standard.news_encoder import StandardTitleEncoder
from nrms_torch.model.standard.user_encoder import StandardUserEncoder


def title_parts(encoder: StandardTitleEncoder, articles: Tensor) -> Tensor:
    """Split the vectors of articles (U, T + 2): (U, T + 1, D), whose sum over T + 1 they are.

    The last part is what no word brings: the mean that is subtracted, category and popularity.
    """
    titles, facts = articles[:, :-FACTS], articles[:, -FACTS:]
    X, mask = encoder.embedding(titles), titles != encoder.pad_token
    words = _shares(encoder.attention, encoder.pooling, X, mask)[0] * X
    vector = encoder.article_vector
    centre = -vector.mean * mask.any(dim=1, keepdim=True)
    content = torch.cat([words, centre.unsqueeze(1)], dim=1)
    length = content.sum(dim=1, keepdim=True).norm(dim=2, keepdim=True).clamp(min=1e-12)
    views = vector.views(facts).unsqueeze(1)
    of_words = torch.zeros_like(views).expand(-1, titles.shape[1], -1)
    return torch.cat([content / length, torch.cat([of_words, views], dim=1)], dim=2)


def click_directions(
    encoder: StandardUserEncoder, clicked: Tensor, mask: Tensor, candidate: Tensor
) -> Tensor:
    """Give for each click the vector (B, H, D) whose dot with the click is what it adds.

    clicked (B, H, D) and candidates (B, D), one a user: Σ clicked · direction over H and D is the
    score without what every reader's score has.
    """
    content, category = encoder.split(clicked)
    of_content, of_category = _shares(encoder.attention, encoder.pooling, content, mask)
    own = torch.cat([of_content * content, of_category * category], dim=2).sum(dim=1, keepdim=True)
    length = own.norm(dim=2, keepdim=True).clamp(min=1e-12)
    wanted, wanted_category = (part.unsqueeze(1) for part in encoder.split(candidate))
    directions = torch.cat(
        [of_content * wanted, of_category * wanted_category, torch.zeros_like(of_category)], dim=2
    )
    return encoder.log_temperature.exp() / length * directions


def _shares(
    attention: ResidualAttention, pooling: AdditivePooling, X: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Give how much of each position is in the pooled vector, (N, L, 1): by both ways, by pooling.

    A position comes in by itself and by those that attend to it.
    """
    pooled = pooling.weights(attention(X, mask), mask)
    return pooled + attention.weights(X, mask).transpose(1, 2) @ pooled, pooled
