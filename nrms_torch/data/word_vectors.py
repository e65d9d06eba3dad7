"""Word vectors to start from, whose mean over a title stands for the title.

Dimensions: U titles, T tokens, V words, that is tokens of the vocabulary, E their vectors' width.
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
    weights = _rarity(titles, pad, len(embeddings))
    return (embeddings - embeddings.mean(dim=0)) * weights.unsqueeze(1)


def from_co_occurrence(titles: np.ndarray, pad: int, words: int, size: int) -> Tensor:
    """Make word vectors (V, size) of which words share titles (U, T): latent semantic analysis.

    Words of one topic come to lie together (Deerwester et al., 1990), so that titles need not share
    a word to be alike. Where titles have less than `size` dimensions, the others are zero.
    """
    weights = _rarity(titles, pad, words)
    matrix = _averages(titles, pad, words)
    indices, values = matrix.indices(), matrix.values() * weights[matrix.indices()[1]]
    squares = torch.zeros(len(titles)).index_add_(0, indices[0], values.square())
    values = values / squares.sqrt().clamp(min=1e-12)[indices[0]]
    matrix = torch.sparse_coo_tensor(indices, values, matrix.shape, check_invariants=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same for every process, whatever the seed of training
        _, scale, right = torch.svd_lowrank(matrix, q=min(size, *matrix.shape), niter=4)
    vectors = torch.zeros(words, size)
    vectors[:, : len(scale)] = weights.unsqueeze(1) * right * scale
    return vectors


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
    back = average.t()
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
    shape = (len(titles), words)
    return torch.sparse_coo_tensor(indices, values, shape, check_invariants=False).coalesce()


def _rarity(titles: np.ndarray, pad: int, words: int) -> Tensor:
    """Give each word's weight (V,): 1 for one that is hardly there, little for a frequent one."""
    counts = np.bincount(titles[titles != pad], minlength=words)
    share = torch.from_numpy(counts / max(counts.sum(), 1)).float()
    return _FREQUENT / (_FREQUENT + share)


def equally_spaced(rows: int, most: int) -> np.ndarray:
    """Choose at most `most` of `rows` rows, at equal distances."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).round().astype(np.int64))
