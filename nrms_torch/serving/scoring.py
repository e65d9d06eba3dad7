"""Scores as dot products: of rows for one reader, and of all impressions of a split."""

from collections.abc import Callable

import numpy as np

from nrms_torch.data.indexing import index_impressions
from nrms_torch.data.schema import Split
from nrms_torch.evaluation.metrics import ranks
from nrms_torch.serving.articles import Snapshot
from nrms_torch.serving.encoders import Encoders
from nrms_torch.serving.ranking import ImpressionScores

# Bounds the memory of a large call: 64 Ki pairs of vectors of 400 floats are 200 MiB.
_HISTORIES_PER_RUN, _PAIRS_PER_SUM = 256, 65_536
# What a score that is no number counts as: one bad article costs no other its place.
_LAST = np.finfo(np.float32).min


def dots(vectors: np.ndarray, user: np.ndarray) -> np.ndarray:
    """Score vectors (N, D) for a user (D,), each row in the same order of additions.

    A BLAS product may round equal rows differently by their place, which would break ties, and
    starts threads of its own. What overflows is the lowest number that there is.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return _numbers(np.einsum("nd,d->n", vectors, user))


def cosines(vectors: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Give the cosines (N,) of vectors (N, D) with a vector (D,); 0 where one has no length."""
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(vector)
    return np.asarray(dots(vectors, vector) / np.maximum(lengths, np.finfo(np.float32).tiny))


def is_scored(scores: np.ndarray) -> np.ndarray:
    """Say which scores (N,) of `dots` are numbers."""
    return np.asarray(scores > _LAST)


def score_impressions(
    articles: Snapshot,
    encoders: Encoders,
    split: Split,
    *,
    history_size: int,
    between: Callable[[], None],
) -> ImpressionScores:
    """Score and rank all impressions of a split, as `Recommender.score_impressions` says."""
    table = articles.table()
    vectors = table.features
    impressions = index_impressions(split, table, history_size)
    used, owner = np.unique(impressions.history_index, return_inverse=True)
    histories = impressions.histories[used]
    users = np.empty((len(used), vectors.shape[1]), dtype=np.float32)
    for start in range(0, len(used), _HISTORIES_PER_RUN):
        between()
        rows = histories[start : start + _HISTORIES_PER_RUN]
        users[start : start + _HISTORIES_PER_RUN] = encoders.users(vectors[rows], rows)
    user_of = np.repeat(owner, np.diff(impressions.offsets))
    scores = np.empty(len(user_of), dtype=np.float32)
    for start in range(0, len(user_of), _PAIRS_PER_SUM):
        between()
        part = slice(start, start + _PAIRS_PER_SUM)
        pairs = users[user_of[part]], vectors[impressions.candidates[part]]
        with np.errstate(over="ignore", invalid="ignore"):
            scores[part] = np.einsum("nd,nd->n", *pairs)
    scores = _numbers(scores)
    return ImpressionScores(impressions, scores, ranks(scores, impressions.offsets))


def _numbers(scores: np.ndarray) -> np.ndarray:
    finite = np.isfinite(scores)
    return scores if finite.all() else np.where(finite, scores, _LAST)
