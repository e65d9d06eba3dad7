"""NRMS and NRMSDocVec: news encoder, user encoder and the dot product between them.

Dimensions: B impressions, H history length, C candidates, U distinct articles, D vector width,
R rows of the article table (row 0 the unknown article, which also pads histories).
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nrms_torch.model.dense import DenseStack
from nrms_torch.model.hyper_parameters import (
    BaselineHyperParameters,
    HyperParameters,
    NRMSDocVecHyperParameters,
    NRMSHyperParameters,
    StandardHyperParameters,
    StandardNRMSDocVecHyperParameters,
    StandardNRMSHyperParameters,
)
from nrms_torch.model.initial_weights import initialise
from nrms_torch.model.news_encoder import DocumentEncoder, TitleEncoder
from nrms_torch.model.over_ranks import Counts, encode_by_shares, rows_of_all_ranks
from nrms_torch.model.standard.news_encoder import StandardDocumentEncoder, StandardTitleEncoder
from nrms_torch.model.standard.user_encoder import StandardUserEncoder
from nrms_torch.model.user_encoder import UserEncoder

NewsEncoder = TitleEncoder | DocumentEncoder | StandardTitleEncoder | StandardDocumentEncoder


class NRMS(nn.Module):
    """Either model, in either variant, by the kind of its hyper-parameters.

    Initial weights come from `seed` alone; a standard one has besides to be centred.
    """

    def __init__(self, hyper_parameters: HyperParameters, *, seed: int = 0) -> None:
        super().__init__()
        self.hyper_parameters = hyper_parameters
        self.news_encoder = _news_encoder(hyper_parameters)
        self.user_encoder = _user_encoder(hyper_parameters)
        initialise(self, hyper_parameters, seed=seed)

    @property
    def is_standard(self) -> bool:
        """Whether this is the standard variant, not the baseline."""
        return isinstance(self.hyper_parameters, StandardHyperParameters)

    def encode_news(self, articles: Tensor, counts: Counts | None = None) -> Tensor:
        """Encode articles, tokens (U, T) or vectors (U, W), to (U, D); counts as they occur."""
        vectors: Tensor = self.news_encoder(articles, counts)
        return vectors

    def encode_users(
        self, clicked: Tensor, history: Tensor, places: Tensor | None = None
    ) -> Tensor:
        """Encode users by their clicked vectors (B, H, D), rows `history` (B, H), to (B, D).

        With places (B, H), clicked (U, D) are those of distinct articles, one at each place. The
        baseline lets padding take part; the standard variant masks row 0.
        """
        mask = history != 0 if self.is_standard else None
        users: Tensor = self.user_encoder(clicked, mask, places)
        return users

    @staticmethod
    def score(users: Tensor, candidates: Tensor) -> Tensor:
        """Dot products of users (B, D) with their candidates (B, C, D), as (B, C)."""
        return torch.einsum("bd,bcd->bc", users, candidates)

    def forward(self, table: Tensor, history: Tensor, candidates: Tensor) -> Tensor:
        """Score candidates (B, C) for history (B, H), both rows of `table` (R, …), as dots (B, C).

        Each distinct article is encoded once, in a distributed run once on all ranks together, and
        projected once for the user encoder. With BatchNorm, candidates and history are two calls,
        candidates first, since the baseline takes each call's own statistics.
        """
        if self._stack is not None:
            (articles, clicked), (of_candidates, of_history) = self._encode_distinct(
                table, candidates, history
            )
        else:
            together = torch.cat([candidates, history], dim=1)
            (articles,), (places,) = self._encode_distinct(table, together)
            of_candidates, of_history = places.split([candidates.shape[1], history.shape[1]], 1)
            clicked = articles
        # embedding, not indexing: its backward sums gradients by row in parallel.
        vectors = F.embedding(of_candidates, articles)
        return self.score(self.encode_users(clicked, history, of_history), vectors)

    def word_embeddings(self) -> Tensor:
        """Give the word-embedding table (V, E) of NRMS; NRMSDocVec has none."""
        assert isinstance(self.news_encoder, TitleEncoder | StandardTitleEncoder)
        return self.news_encoder.embedding.weight.detach()

    def set_word_embeddings(self, table: Tensor) -> None:
        """Put `table` (V, E) in place of NRMS' word-embedding table; V may be another."""
        assert isinstance(self.news_encoder, TitleEncoder | StandardTitleEncoder)
        self.news_encoder.embedding = nn.Embedding.from_pretrained(table, freeze=False)
        self.hyper_parameters = replace(self.hyper_parameters, vocabulary_size=len(table))  # type: ignore[call-arg]

    @torch.no_grad()
    def centre(self, articles: Tensor) -> None:
        """Take the mean content of `articles` (U, …), those of train, out of every article vector.

        The standard variant alone does so, and once, before it trains.
        """
        assert isinstance(self.news_encoder, StandardTitleEncoder | StandardDocumentEncoder)
        encoder = self.news_encoder
        sums = [encoder.content(part).double().sum(dim=0) for part in articles.split(2_048)]
        mean = torch.stack(sums).sum(dim=0) / len(articles)
        encoder.article_vector.mean.copy_(mean)

    def regularization_loss(self) -> Tensor:
        """Give λ Σ w² of the kernels that sit before a BatchNorm, each once; 0 where none does."""
        if self._stack is None:
            return torch.zeros((), device=self.user_encoder.pooling.b.device)
        assert isinstance(self.hyper_parameters, BaselineHyperParameters)
        weight = self.hyper_parameters.newsencoder_l2_regularization
        return weight * self._stack.sum_of_squared_kernels()

    @property
    def _stack(self) -> DenseStack | None:
        """The dense layers with BatchNorm that the baseline's news encoder may have."""
        return getattr(self.news_encoder, "stack", None)

    def _encode_distinct(
        self, table: Tensor, *calls: Tensor
    ) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """Encode each article of a call's rows (B, L) once; give vectors (U, D) and places (B, L).

        There is one of each a call. All calls go through the encoder as one.
        """
        distinct, counts = zip(
            *(torch.unique(rows_of_all_ranks(rows), return_counts=True) for rows in calls),
            strict=True,
        )
        vectors = encode_by_shares(self.encode_news, table[torch.cat(distinct)], counts)
        places = [torch.searchsorted(*pair) for pair in zip(distinct, calls, strict=True)]
        return vectors.split([len(call) for call in counts]), places


def _user_encoder(hyper_parameters: HyperParameters) -> UserEncoder | StandardUserEncoder:
    if isinstance(hyper_parameters, StandardHyperParameters):
        return StandardUserEncoder(hyper_parameters)
    assert isinstance(hyper_parameters, BaselineHyperParameters)
    return UserEncoder(hyper_parameters)


def _news_encoder(hyper_parameters: HyperParameters) -> NewsEncoder:
    match hyper_parameters:
        case StandardNRMSHyperParameters():
            return StandardTitleEncoder(hyper_parameters)
        case StandardNRMSDocVecHyperParameters():
            return StandardDocumentEncoder(hyper_parameters)
        case NRMSHyperParameters():
            return TitleEncoder(hyper_parameters)
        case NRMSDocVecHyperParameters():
            return DocumentEncoder(hyper_parameters)
        case _:
            raise TypeError(f"no news encoder for {type(hyper_parameters).__name__}")
