"""Word vectors to start from, whose mean over a title stands for the title.

Dimensions: U titles, T tokens, V tokens of the vocabulary, E width of a word vector.
"""

import numpy as np
import torch
from torch import Tensor

# Titles whose sentence vectors are made: of more, those at equal distances. Twice as many take
# twice as long, and bring little (docs/ablation.md).
TITLES_FITTED = 20_000
# A frequent word says little: its weight is a / (a + share of all words) (Arora et al., ICLR 2017).
_FREQUENT = 1e-3
# How much a word's vector is held to what it was; chosen on two forward days of MIND.
_RIDGE = 0.03
_ROUNDS = 25  # of conjugate gradients: later ones change no ranking


def weighted_by_rarity(embeddings: Tensor, titles: np.ndarray, pad: int) -> Tensor:
    """Centre word vectors (V, E) and make frequent words small; titles (U, T) tell the frequency.

    The mean over a title's words is then no longer ruled by what all titles have.
    """
    tokens = titles[titles != pad]
    counts = np.bincount(tokens, minlength=len(embeddings))
    share = torch.from_numpy(counts / max(counts.sum(), 1)).to(embeddings.dtype)
    weights = _FREQUENT / (_FREQUENT + share)
    return (embeddings - embeddings.mean(dim=0)) * weights.unsqueeze(1)


def fitted(words: Tensor, titles: np.ndarray, pad: int, sentences: Tensor) -> Tensor:
    """Move word vectors (V, E) so that a title's mean comes near to its sentence vector (U, E).

    Ridge regression, by conjugate gradients: min Σ |mean of words − (sentence − mean sentence)|² +
    ridge · Σ |word − scaled start|². Words that no title has stay at the scaled start.
    """
    average = _averages(titles, pad, len(words))
    wanted = sentences - sentences.mean(dim=0)
    before = average @ words
    scale = (wanted * before).sum() / before.square().sum().clamp(min=1e-12)
    start = words * scale
    back = average.t().to_sparse_csr()
    moved = torch.zeros_like(start)
    residual = back @ (wanted - average @ start)
    direction, size = residual.clone(), residual.square().sum(dim=0)
    for _ in range(_ROUNDS):
        image = back @ (average @ direction) + _RIDGE * direction
        step = size / (direction * image).sum(dim=0).clamp(min=1e-20)
        moved += step * direction
        residual -= step * image
        before_size, size = size, residual.square().sum(dim=0)
        direction = residual + size / before_size.clamp(min=1e-20) * direction
    return start + moved


def _averages(titles: np.ndarray, pad: int, words: int) -> Tensor:
    """Give the sparse matrix (U, V) that takes word vectors to the means of titles (U, T)."""
    own = titles != pad
    rows, _ = own.nonzero()
    lengths = own.sum(axis=1).clip(min=1)
    indices = torch.from_numpy(np.stack([rows, titles[own]]).astype(np.int64))
    values = torch.from_numpy((1 / lengths[rows]).astype(np.float32))
    return torch.sparse_coo_tensor(indices, values, (len(titles), words)).coalesce().to_sparse_csr()


def equally_spaced(rows: int, most: int) -> np.ndarray:
    """Choose at most `most` of `rows` rows, at equal distances."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).round().astype(np.int64))
