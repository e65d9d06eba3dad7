"""Scores as the probability of a click, by a logistic curve fitted on a split (Platt, 1999)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_STEPS, _CLOSE = 50, 1e-10


@dataclass(frozen=True)
class Calibration:
    """A score s has the probability 1 / (1 + exp(−(slope · s + intercept)))."""

    slope: float
    intercept: float

    @classmethod
    def of(cls, mapping: Mapping[str, Any] | None) -> "Calibration | None":
        """Read what a run or a bundle has kept of it; None where there is nothing."""
        return cls(float(mapping["slope"]), float(mapping["intercept"])) if mapping else None

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Give the probability (N,) float64 that a candidate of each score (N,) is clicked."""
        return _sigmoid(self.slope * scores.astype(np.float64) + self.intercept)


def fit_calibration(scores: np.ndarray, labels: np.ndarray) -> Calibration:
    """Fit the curve of least log loss to scores (N,) and clicks (N,), by Newton's method.

    Platt's targets, (clicks + 1) / (clicks + 2) and 1 / (others + 2), keep it finite where scores
    part clicks from the others without a fault.
    """
    clicks = int(np.count_nonzero(labels))
    high, low = (clicks + 1) / (clicks + 2), 1 / (len(labels) - clicks + 2)
    target = np.where(labels, high, low)
    centre, spread = float(scores.mean(dtype=np.float64)), float(scores.std(dtype=np.float64)) or 1
    x = (scores - centre) / spread  # so that both steps are of one size
    inputs = np.stack([x, np.ones_like(x)]).astype(np.float64)
    base = target.mean()
    weights = np.array([0.0, np.log(base / (1 - base))])
    for _ in range(_STEPS):
        probability = _sigmoid(weights @ inputs)
        gradient = inputs @ (probability - target)
        curvature = (inputs * (probability * (1 - probability))) @ inputs.T
        step = np.linalg.solve(curvature + 1e-9 * len(labels) * np.eye(2), gradient)
        weights -= step
        if np.abs(step).max() < _CLOSE:
            break
    slope = float(weights[0]) / spread
    return Calibration(slope, float(weights[1]) - slope * centre)


@dataclass(frozen=True)
class Reliability:
    """Candidates of like probability: how many, what was foretold and what came, as means."""

    candidates: int
    foretold: float
    clicked: float


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> list[Reliability]:
    """Cut candidates (N,) into `bins` of equally many by their probability, lowest first."""
    order = np.argsort(probabilities, kind="stable")
    return [
        Reliability(len(part), float(probabilities[part].mean()), float(labels[part].mean()))
        for part in np.array_split(order, bins)
        if len(part)
    ]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1, small) / (1 + small))
