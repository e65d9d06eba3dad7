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
