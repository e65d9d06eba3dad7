"""The baseline's two news encoders: title tokens or a document vector to an article vector.

Dimensions: U articles, T tokens of a title, E word-embedding width, W document-vector width,
D = head_num * head_dim.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nrms_torch.model.attention import AdditivePooling, SelfAttention
from nrms_torch.model.dense import DenseStack
from nrms_torch.model.dropout import Dropout
from nrms_torch.model.hyper_parameters import NRMSDocVecHyperParameters, NRMSHyperParameters
from nrms_torch.model.over_ranks import Counts

# Without gradients, attention and pooling of so many titles stay in a CPU's caches.
_TITLES_AT_ONCE = 64


class TitleEncoder(nn.Module):
    """NRMS' news encoder: embedding → dropout → self-attention → dropout → additive pooling.

    With `newsencoder_units_per_layer` the second dropout gives way to a dense stack. Padding tokens
    take part, as in the baseline; with a `pad_token` they would be masked.
    """

    def __init__(self, hyper_parameters: NRMSHyperParameters) -> None:
        super().__init__()
        hp = hyper_parameters
        self.pad_token: int | None = None
        self.embedding = nn.Embedding(hp.vocabulary_size, hp.embedding_size)
        self.self_attention = SelfAttention(
            hp.embedding_size, hp.head_num, hp.head_dim, transposed=True
        )
        units = hp.newsencoder_units_per_layer
        self.stack = DenseStack(hp.vector_size, units, hp.dropout) if units else None
        self.pooling = AdditivePooling(hp.vector_size, hp.attention_hidden_dim)
        self.dropout = Dropout(hp.dropout)

    def forward(self, titles: Tensor, counts: Counts | None = None) -> Tensor:
        """Encode titles (U, T) of token ids to (U, D); counts weight a BatchNorm's rows."""
        if self.training or torch.compiler.is_exporting():
            return self.pooling(self.before_pooling(titles, counts), self.token_mask(titles))
        # Nothing is dropped, so a token is the same wherever it stands, and is projected once.
        tokens, places = titles.unique(return_inverse=True)
        projected = self.self_attention.project(self.embedding(tokens))
        vectors = []
        parts = (titles.split(_TITLES_AT_ONCE), places.split(_TITLES_AT_ONCE))
        for part, places_of_part in zip(*parts, strict=True):
            mask = self.token_mask(part)
            X = self.self_attention.attend(F.embedding(places_of_part, projected), mask)
            vectors.append(self.pooling(self._behind_attention(X), mask))
        return torch.cat(vectors)

    def token_mask(self, titles: Tensor) -> Tensor | None:
        """Mark the tokens of titles (U, T) that take part; None where all do."""
        return None if self.pad_token is None else titles != self.pad_token

    def before_pooling(self, titles: Tensor, counts: Counts | None = None) -> Tensor:
        """Map titles (U, T) to the (U, T, D) that the pooling sums up; counts as in `forward`."""
        X = self.self_attention(self.dropout(self.embedding(titles)), self.token_mask(titles))
        return self._behind_attention(X, counts)

    def _behind_attention(self, X: Tensor, counts: Counts | None = None) -> Tensor:
        return self.dropout(X) if self.stack is None else self.stack(X, counts)


class DocumentEncoder(nn.Module):
    """NRMSDocVec's news encoder: a dense stack, then a dense layer with relu; no attention."""

    def __init__(self, hyper_parameters: NRMSDocVecHyperParameters) -> None:
        super().__init__()
        hp = hyper_parameters
        units = hp.newsencoder_units_per_layer
        self.stack = DenseStack(hp.document_vector_size, units, hp.dropout) if units else None
        self.output = nn.Linear((hp.document_vector_size, *units)[-1], hp.vector_size)

    def forward(self, vectors: Tensor, counts: Counts | None = None) -> Tensor:
        """Encode document vectors (U, W) to (U, D); counts weight the BatchNorms' rows."""
        X = vectors if self.stack is None else self.stack(vectors, counts)
        return F.relu(self.output(X))
