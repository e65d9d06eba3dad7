"""The standard variant's news encoders: title tokens or a document vector to an article vector.

Dimensions: U articles, T tokens of a title, E word-embedding width, W document-vector width,
D vector width. A row of articles ends with two facts, category number and popularity.
"""

import torch
from torch import Tensor, nn

from nrms_torch.data.facts import FACTS
from nrms_torch.model.attention import AdditivePooling
from nrms_torch.model.hyper_parameters import (
    StandardNRMSDocVecHyperParameters,
    StandardNRMSHyperParameters,
)
from nrms_torch.model.over_ranks import Counts
from nrms_torch.model.standard.article_vector import ArticleVector
from nrms_torch.model.standard.attention import ResidualAttention


class StandardTitleEncoder(nn.Module):
    """Embedding → residual self-attention → additive pooling, centred; padding is masked.

    It starts as the mean of the word vectors.
    """

    def __init__(self, hyper_parameters: StandardNRMSHyperParameters) -> None:
        super().__init__()
        hp = hyper_parameters
        self.pad_token = hp.pad_token
        self.embedding = nn.Embedding(hp.vocabulary_size, hp.embedding_size)
        self.attention = ResidualAttention(hp.embedding_size, hp.head_num, hp.head_dim)
        self.pooling = AdditivePooling(hp.embedding_size, hp.attention_hidden_dim)
        self.article_vector = ArticleVector(hp.embedding_size, len(hp.categories))

    def forward(self, articles: Tensor, counts: Counts | None = None) -> Tensor:
        """Encode articles (U, T + 2), token ids and facts, to (U, D); counts have no effect."""
        return self.article_vector(self.content(articles), articles[:, -FACTS:])

    def content(self, articles: Tensor) -> Tensor:
        """Pool the titles of articles (U, T + 2) to (U, E), zeros where there is no token."""
        titles = articles[:, :-FACTS]
        mask = titles != self.pad_token
        if torch.compiler.is_exporting():
            X = self.attention(self.embedding(titles), mask)
        else:  # a token is the same wherever it stands, and is projected once
            tokens, places = titles.unique(return_inverse=True)
            X = self.attention(self.embedding(tokens), mask, places)
        pooled: Tensor = self.pooling(X, mask)
        return pooled


class StandardDocumentEncoder(nn.Module):
    """A document vector, centred, with the article's facts: nothing of it is learnt but these."""

    def __init__(self, hyper_parameters: StandardNRMSDocVecHyperParameters) -> None:
        super().__init__()
        hp = hyper_parameters
        self.article_vector = ArticleVector(hp.document_vector_size, len(hp.categories))

    def forward(self, articles: Tensor, counts: Counts | None = None) -> Tensor:
        """Encode articles (U, W + 2), vectors and facts, to (U, D); counts have no effect."""
        return self.article_vector(self.content(articles), articles[:, -FACTS:])

    def content(self, articles: Tensor) -> Tensor:
        """Give the document vectors (U, W) of articles (U, W + 2)."""
        return articles[:, :-FACTS]
