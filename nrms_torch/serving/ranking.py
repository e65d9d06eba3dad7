"""Order by score, with the baseline's tie rule: among equals the later candidate ranks first."""

import numpy as np


def best(scores: np.ndarray, k: int) -> np.ndarray:
    """Give the places of the k highest of scores (N,), best first; all where k ≥ N."""
    if k >= len(scores):
        return np.argsort(scores, kind="stable")[::-1]
    # All that equal the last one shown take part in the sort, so that the tie rule holds.
    least = np.partition(scores, -k)[-k]
    chosen = np.flatnonzero(scores >= least)
    return chosen[np.argsort(scores[chosen], kind="stable")[::-1][:k]]


def ranks(scores: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Rank each of scores (N,) in its impression, (N,) int64 with 1 for the best.

    Impression i owns offsets[i]:offsets[i + 1] of offsets (I + 1,).
    """
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    # Backwards, impressions come last to first, and each one's candidates best to worst.
    order = np.lexsort((scores, owner))[::-1]
    ranked = np.empty(len(scores), dtype=np.int64)
    ranked[order] = np.arange(1, len(scores) + 1) - (len(scores) - offsets[owner[order] + 1])
    return ranked
