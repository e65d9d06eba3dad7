"""A list both good and mixed, by maximal marginal relevance (Carbonell and Goldstein, 1998)."""

import numpy as np

# Articles that may be taken: so many of the best for each place in the list.
_POOL = 20


def diversified(
    scores: np.ndarray, vectors: np.ndarray, rows: np.ndarray, k: int, diversity: float
) -> np.ndarray:
    """Choose k of N articles one by one: their places (k,), in the order in which they were chosen.

    Each time the article with the most (1 − diversity) · relevance − diversity · likeness is taken.
    Relevance is its score (N,), scaled from 0 to 1 over the best 20 k; likeness the greatest cosine
    of its vector, the row `rows` (N,) of (R, D), with one that is chosen. 0 gives the best in
    order; among equals the later is first, as in every ranking here.
    """
    # Backwards, since argmax takes the first of equals.
    pool = np.argsort(scores, kind="stable")[::-1][: _POOL * k]
    relevance = scores[pool].astype(np.float64)
    spread = relevance[0] - relevance[-1]
    relevance = (relevance - relevance[-1]) / spread if spread else np.ones(len(pool))
    units = vectors[rows[pool]]
    lengths = np.linalg.norm(units, axis=1, keepdims=True)
    units = units / np.where(lengths == 0, 1, lengths)
    likeness = np.zeros(len(pool))
    left = np.ones(len(pool), dtype=bool)
    chosen: list[int] = []
    for _ in range(min(k, len(pool))):
        worth = (1 - diversity) * relevance - diversity * likeness
        place = int(np.where(left, worth, -np.inf).argmax())
        left[place] = False
        cosines = np.einsum("nd,d->n", units, units[place])
        likeness = np.maximum(likeness, cosines) if chosen else cosines
        chosen.append(place)
    return np.asarray(pool[chosen])
