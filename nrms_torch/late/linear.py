"""A handful of named weights: scores that are NRMS' dot and the late features, each times its own.

Fitted by maximum likelihood of the clicks among the candidates of their impressions: a conditional
logit. Dimensions: I impressions with N candidates, F features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nrms_torch.evaluation.metrics import impression_of

# The penalty on standardised weights, as of so many impressions: little data has small weights.
_PENALTY = 10.0
_STEPS, _ENOUGH = 30, 1e-7


@dataclass(frozen=True)
class Linear:
    """Weights of features by name, and of NRMS' dot; without text its weight is 0."""

    features: tuple[str, ...]
    weights: tuple[float, ...]
    text_weight: float

    def scores(self, features: np.ndarray, text: np.ndarray | None) -> np.ndarray:
        """Score candidates by features (N, F) and dots (N,), as float32 (N,)."""
        total = features.astype(np.float64) @ np.array(self.weights)
        if text is not None:
            total += self.text_weight * text.astype(np.float64)
        return total.astype(np.float32)

    def parts(self, features: np.ndarray, text: float) -> dict[str, float]:
        """Split the score of one candidate, features (F,), by name; they add up to it."""
        own = features.astype(np.float64) * np.array(self.weights)
        named = dict(zip(self.features, own.tolist(), strict=True))
        return {"text": self.text_weight * text, **named}


def fit_linear(
    names: Sequence[str],
    features: np.ndarray,
    text: np.ndarray | None,
    labels: np.ndarray,
    offsets: np.ndarray,
) -> Linear:
    """Fit weights on features (N, F), dots (N,) or None, and labels (N,) of I impressions."""
    columns = features.astype(np.float64)
    if text is not None:
        columns = np.concatenate([text[:, None].astype(np.float64), columns], axis=1)
    scale = columns.std(axis=0)
    scale[scale == 0] = 1
    weights = _conditional_logit(columns / scale, labels, offsets) / scale
    of_text = 0.0 if text is None else float(weights[0])
    own = weights if text is None else weights[1:]
    return Linear(tuple(names), tuple(own.tolist()), of_text)


def _conditional_logit(columns: np.ndarray, labels: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Maximise Σ over clicks of ln(exp(x·w) / Σ of its impression) − penalty · |w|² by Newton."""
    owner, starts = impression_of(offsets), offsets[:-1]
    clicks = np.bincount(owner, labels, minlength=len(starts))
    weights = np.zeros(columns.shape[1])
    ridge = 2 * _PENALTY * np.eye(len(weights))
    for _ in range(_STEPS):
        scores = columns @ weights
        odds = np.exp(scores - np.maximum.reduceat(scores, starts)[owner])
        chance = odds / np.add.reduceat(odds, starts)[owner]
        expected = chance * clicks[owner]
        gradient = columns.T @ (labels - expected) - ridge @ weights
        means = np.add.reduceat(columns * chance[:, None], starts, axis=0)
        curvature = (columns * expected[:, None]).T @ columns
        curvature -= (means * clicks[:, None]).T @ means
        step = np.linalg.solve(curvature + ridge, gradient)
        weights += step
        if np.abs(step).max() < _ENOUGH:
            break
    return weights
