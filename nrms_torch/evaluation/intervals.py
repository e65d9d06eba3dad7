"""How far a mean over impressions may be from the truth: the bootstrap over impressions."""

from typing import NamedTuple

import numpy as np

DRAWS = 1_000
# Impressions are put in so many groups at random, which are then drawn: of more than that each
# draw would cost more, and the interval's width would not change by a hundredth.
GROUPS = 4_096
_SEED = 0
_ENDS = (2.5, 97.5)  # percentiles


class Interval(NamedTuple):
    """A mean over impressions, and the 95 % interval that a bootstrap gives it."""

    mean: float
    low: float
    high: float


def bootstrap(values: np.ndarray, *, draws: int = DRAWS, seed: int = _SEED) -> list[Interval]:
    """Give the mean and the interval of each column of values (I, C), none of them NaN, I ≥ 1.

    Impressions are drawn with replacement, all columns alike, so that a column of differences
    between two rankings gives a paired interval. Equal values and seed give equal intervals.
    """
    generator = np.random.default_rng(seed)
    sums, sizes = _grouped(values, generator)
    drawn = generator.integers(0, len(sizes), (draws, len(sizes)), dtype=np.int32)
    drawn += np.arange(draws, dtype=np.int32)[:, None] * len(sizes)
    times = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
    times = times.astype(np.float64)
    means = (times @ sums) / (times @ sizes)[:, None]
    low, high = np.percentile(means, _ENDS, axis=0)
    whole = values.mean(axis=0, dtype=np.float64)
    return [Interval(*map(float, each)) for each in zip(whole, low, high, strict=True)]


def _grouped(values: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sum values (I, C) over groups of impressions, (G, C), and give the groups' sizes (G,)."""
    groups = min(len(values), GROUPS)
    group = generator.permutation(len(values)) % groups
    columns = [np.bincount(group, column, minlength=groups) for column in values.T]
    return np.stack(columns, axis=1), np.bincount(group, minlength=groups).astype(np.float64)
