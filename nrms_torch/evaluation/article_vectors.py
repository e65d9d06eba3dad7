"""Articles as vectors without any training, for the cosine with a reader's clicks.

R rows of the article table of which row 0, the unknown article, is always zeros; W or V the width
of a vector, T tokens of a title, P histories of H clicks, N candidates.
"""

from typing import Protocol, Self

import numpy as np

from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.transformer import word_embeddings
from nrms_torch.data.vocabulary import Vocabulary
from nrms_torch.errors import InputError

_ROWS_PER_CHUNK, _CANDIDATES_PER_CHUNK = 8_192, 4_096
# Of numbers that users of a chunk take: 16 Mi of four bytes each.
_NUMBERS_OF_USERS = 2**24


class ArticleVectors(Protocol):
    """Vectors of length 1 of articles; a user's is the sum over the clicks, unknown ones left out.

    The sum ranks as the mean does. `users_at_once` bounds the memory of a chunk of users;
    `has_length` (R,) marks the articles whose vector is not zeros.
    """

    users_at_once: int
    has_length: np.ndarray

    def centred(self, rows: np.ndarray) -> Self:
        """Subtract the mean vector of the articles `rows`, and make the length 1 again."""

    def users(self, histories: np.ndarray) -> np.ndarray:
        """Make users (P, …) of histories (P, H)."""

    def scores(self, users: np.ndarray, owner: np.ndarray, articles: np.ndarray) -> np.ndarray:
        """Score candidates `articles` (N,), each for the user `owner` (N,): float32 (N,)."""


class DenseVectors:
    """Vectors (R, W) as they are: document vectors, or the mean of a title's word embeddings."""

    def __init__(self, vectors: np.ndarray) -> None:
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        self.units = vectors / np.where(lengths == 0, 1, lengths)
        self.units[0] = 0
        self.has_length = np.any(self.units, axis=1)
        self.users_at_once = max(1, _NUMBERS_OF_USERS // vectors.shape[1] // 32)

    def centred(self, rows: np.ndarray) -> "DenseVectors":
        """As `ArticleVectors` has it."""
        return DenseVectors(self.units - self.units[rows].mean(axis=0))

    def users(self, histories: np.ndarray) -> np.ndarray:
        """As `ArticleVectors` has it."""
        users = np.zeros((len(histories), self.units.shape[1]), dtype=np.float32)
        for clicks in histories.T:
            users += self.units[clicks]
        return users

    def scores(self, users: np.ndarray, owner: np.ndarray, articles: np.ndarray) -> np.ndarray:
        """As `ArticleVectors` has it."""
        dots = np.empty(len(owner), dtype=np.float32)
        for start in range(0, len(owner), _CANDIDATES_PER_CHUNK):
            part = slice(start, start + _CANDIDATES_PER_CHUNK)
            pairs = users[owner[part]], self.units[articles[part]]
            dots[part] = np.einsum("nw,nw->n", *pairs)
        return dots


class TitleVectors:
    """Titles as TF-IDF vectors (R, V) of their tokens (R, T), of which each counts once a title.

    Vectors are never written out: one has T numbers that are not zero, and the common mean is
    subtracted from users alone, since (x − μ) · u = x · u − μ · u.
    """

    def __init__(self, tokens: np.ndarray, weights: np.ndarray, mean: np.ndarray) -> None:
        """Take each token's weight in its title, 0 where it does not count, and the mean (V,)."""
        self.tokens = tokens
        self.weights = weights
        self.mean = mean
        lengths = np.sqrt(
            (weights**2).sum(axis=1) - 2 * (weights * mean[tokens]).sum(axis=1) + mean @ mean
        )
        lengths[0] = np.inf  # the unknown article's vector is zeros
        self.scale = (1 / np.where(lengths < 1e-6, np.inf, lengths)).astype(np.float32)
        self.has_length = self.scale > 0
        self.users_at_once = max(1, _NUMBERS_OF_USERS // len(mean))

    @classmethod
    def of_tokens(cls, tokens: np.ndarray, pad: int) -> "TitleVectors":
        """Weigh tokens (R, T) by ln((1 + R) / (1 + titles that have it)) + 1, `pad` by nothing."""
        tokens = np.sort(tokens, axis=1)
        counts = tokens != pad
        counts[:, 1:] &= tokens[:, 1:] != tokens[:, :-1]
        counts[0] = False
        titles = np.bincount(tokens[counts], minlength=int(tokens.max()) + 1)
        idf = np.log((1 + len(tokens)) / (1 + titles)) + 1
        weights = np.where(counts, idf[tokens], 0)
        lengths = np.linalg.norm(weights, axis=1, keepdims=True)
        weights = (weights / np.where(lengths == 0, 1, lengths)).astype(np.float32)
        return cls(tokens, weights, np.zeros(len(idf), dtype=np.float32))

    def centred(self, rows: np.ndarray) -> "TitleVectors":
        """As `ArticleVectors` has it."""
        summed = np.bincount(
            self.tokens[rows].ravel(), self.weights[rows].ravel(), minlength=len(self.mean)
        )
        mean = (summed / max(len(rows), 1)).astype(np.float32)
        return TitleVectors(self.tokens, self.weights, mean)

    def users(self, histories: np.ndarray) -> np.ndarray:
        """As `ArticleVectors` has it."""
        width = len(self.mean)
        scale = self.scale[histories]
        weights = self.weights[histories] * scale[..., None]
        cells = self.tokens[histories] + (np.arange(len(histories)) * width)[:, None, None]
        users = np.bincount(cells.ravel(), weights.ravel(), minlength=len(histories) * width)
        return (users.reshape(-1, width) - scale.sum(axis=1)[:, None] * self.mean).astype(
            np.float32
        )

    def scores(self, users: np.ndarray, owner: np.ndarray, articles: np.ndarray) -> np.ndarray:
        """As `ArticleVectors` has it."""
        dots = np.empty(len(owner), dtype=np.float32)
        of_mean = users @ self.mean
        for start in range(0, len(owner), _CANDIDATES_PER_CHUNK):
            user = owner[start : start + _CANDIDATES_PER_CHUNK]
            rows = articles[start : start + _CANDIDATES_PER_CHUNK]
            shared = (users[user[:, None], self.tokens[rows]] * self.weights[rows]).sum(axis=1)
            dots[start : start + _CANDIDATES_PER_CHUNK] = self.scale[rows] * (
                shared - of_mean[user]
            )
        return dots


def article_vectors(table: ArticleTable, vocabulary: Vocabulary | None) -> ArticleVectors:
    """Give the vectors of a table: of documents as they are; of titles, without a vocabulary none.

    A title's is the mean of its transformer's word embeddings, or TF-IDF of its tokens where the
    tokenizer was trained here or the transformer cannot be loaded any more.
    """
    if vocabulary is None:
        return DenseVectors(table.content)
    if vocabulary.transformer is not None:
        try:
            embeddings = word_embeddings(vocabulary.transformer, vocabulary.token_ids)
        except InputError:
            # A run is measured without its transformer too.
            return TitleVectors.of_tokens(table.content, vocabulary.pad)
        return DenseVectors(_means(embeddings, table.content, vocabulary.pad))
    return TitleVectors.of_tokens(table.content, vocabulary.pad)


def _means(embeddings: np.ndarray, tokens: np.ndarray, pad: int) -> np.ndarray:
    """Average the embeddings (V, E) of each title's tokens (R, T), zeros for a title of none."""
    means = np.zeros((len(tokens), embeddings.shape[1]), dtype=np.float32)
    for start in range(0, len(tokens), _ROWS_PER_CHUNK):
        part = slice(start, start + _ROWS_PER_CHUNK)
        counted = 0
        for token in tokens[part].T:
            own = (token != pad)[:, None]
            means[part] += np.where(own, embeddings[token], 0)
            counted = counted + own
        means[part] /= np.maximum(counted, 1)
    return means
