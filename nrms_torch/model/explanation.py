"""Exact splits of a score: what each click, and each word of a title, adds to a dot product.

Attention and pooling are weighted sums, so a vector is a sum over its inputs once their weights are
taken as they are: an input's values, times what all outputs take of it. Dimensions: N sequences,
L positions, I input width, D = head_num * head_dim, U articles, T tokens, B users, H clicks.
"""

import torch
from torch import Tensor

from nrms_torch.model.attention import AdditivePooling, SelfAttention
from nrms_torch.model.news_encoder import TitleEncoder
from nrms_torch.model.user_encoder import UserEncoder


def title_parts(encoder: TitleEncoder, titles: Tensor) -> Tensor:
    """Split the vectors of titles (U, T) over their tokens: (U, T, D), whose sum over T they are.

    Not for an encoder with dense layers, which are no weighted sums: see `title_weights`.
    """
    assert encoder.stack is None
    X, mask = encoder.embedding(titles), encoder.token_mask(titles)
    shares, values = _shares_and_values(encoder.self_attention, encoder.pooling, X, mask)
    return (shares.unsqueeze(-1) * values).transpose(1, 2).flatten(2)


def title_weights(encoder: TitleEncoder, titles: Tensor) -> Tensor:
    """Give how much the pooling takes of each position of titles (U, T), as (U, T)."""
    X, mask = encoder.before_pooling(titles), encoder.token_mask(titles)
    return encoder.pooling.weights(X, mask).squeeze(-1)


def click_directions(
    encoder: UserEncoder, clicked: Tensor, mask: Tensor | None, candidate: Tensor
) -> Tensor:
    """Give for each click the vector (B, H, D) whose dot with the click is what it adds.

    clicked (B, H, D) and candidates (B, D), one a user: the score is Σ clicked · direction over
    H and D. A click that is itself a sum, over words, has its part split by the same dot.
    """
    attention = encoder.self_attention
    shares, _ = _shares_and_values(attention, encoder.pooling, clicked, mask)
    per_head = candidate.unflatten(-1, (attention.head_num, attention.head_dim)).unsqueeze(2)
    wanted = (shares.unsqueeze(-1) * per_head).transpose(1, 2).flatten(2)
    return wanted @ attention.WV.T


def _shares_and_values(
    attention: SelfAttention, pooling: AdditivePooling, X: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Give how much of each head's values of each position reaches the vector, and the values.

    They are (N, heads, L) and (N, heads, L, head_dim).
    """
    weights, values = attention.weights_and_values(X, mask)
    pooled = pooling.weights((weights @ values).transpose(1, 2).flatten(2), mask)
    shares = torch.matmul(pooled.transpose(1, 2).unsqueeze(1), weights).squeeze(2)
    return shares, values
