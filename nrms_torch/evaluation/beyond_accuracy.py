"""What recommendations are like beyond their hits, by the definitions of the baseline's evaluator.

The distance of two article vectors is 1 − their cosine; a zero vector, such as the unknown
article's, is at distance 1 from everything. A mean over nothing is NaN.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nrms_torch.errors import InputError


@dataclass(frozen=True)
class Coverage:
    """How many distinct articles are recommended, and their share of the catalogue."""

    count: int
    fraction: float


def intralist_diversity(vectors: npt.ArrayLike) -> float:
    """Mean distance over the n(n − 1) / 2 pairs of a list's articles, vectors (n, D).

    Raises:
        InputError: `vectors` is no matrix.
    """
    distances = _distances(vectors, vectors)
    return _mean(distances[np.triu_indices(len(distances), k=1)])


def serendipity(candidates: npt.ArrayLike, history: npt.ArrayLike) -> float:
    """Mean distance over all pairs of a recommended (n, D) and a clicked article (h, D).

    Raises:
        InputError: either is no matrix, or their widths differ.
    """
    return _mean(_distances(candidates, history))


def coverage(recommendations: npt.ArrayLike, catalog_size: int) -> Coverage:
    """Count the distinct article ids in all recommendations, and divide by the catalogue's size.

    Raises:
        InputError: the catalogue has fewer articles than were recommended.
    """
    count = len(np.unique(np.asarray(recommendations)))
    if catalog_size < max(count, 1):
        raise InputError(
            f"catalog_size: {catalog_size}, expected at least the {count} distinct articles "
            "recommended, and 1"
        )
    return Coverage(count, count / catalog_size)


def novelty(popularity: npt.ArrayLike) -> float:
    """Mean self-information −log2 p in bits, p the popularity of each recommended article.

    Raises:
        InputError: a popularity lies outside 0 (excluded) to 1: smooth the counts of unseen ones.
    """
    p = np.asarray(popularity, dtype=np.float64)
    outside = int((~((p > 0) & (p <= 1))).sum())
    if outside:
        raise InputError(
            f"popularity: {outside} of {p.size} values are not in (0, 1], expected a share of "
            "clicks or views, smoothed to be above 0"
        )
    return _mean(-np.log2(p))


def index_of_dispersion(categories: npt.ArrayLike) -> float:
    """How evenly n items fall into the k categories seen: k (n² − Σf²) / (n² (k − 1)).

    f are the categories' counts; 1 is even, 0 is a single category.
    """
    _, counts = np.unique(np.asarray(categories), return_counts=True)
    k, n = len(counts), int(counts.sum())
    if k < 2:
        return 0.0 if k else float("nan")
    return float(k * (n**2 - (counts**2).sum()) / (n**2 * (k - 1)))


def _distances(left: npt.ArrayLike, right: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Cosine distances of all pairs, (n, m)."""
    units = [_unit_rows(left), _unit_rows(right)]
    if units[0].shape[1] != units[1].shape[1]:
        raise InputError(
            f"vectors: widths {units[0].shape[1]} and {units[1].shape[1]} differ, expected one"
        )
    return 1 - units[0] @ units[1].T


def _unit_rows(vectors: npt.ArrayLike) -> npt.NDArray[np.float64]:
    matrix = np.asarray(vectors, dtype=np.float64)
    if matrix.ndim != 2:
        raise InputError(f"vectors: shape {matrix.shape}, expected (articles, width)")
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.where(norms == 0, 1, norms)


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
