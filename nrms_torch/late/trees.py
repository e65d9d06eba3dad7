"""A second stage: LightGBM's trees over the late features and NRMS' dot, fitted to rank lists.

Needs LightGBM alone, the extra `rerank`; nothing else of the package imports it.
Dimensions: I impressions with N candidates, F features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from nrms_torch.errors import InputError

# What docs/late.md measured: few leaves and strong smoothing, since days differ; and a tree for so
# many impressions, since little data is soon learnt by heart.
_IMPRESSIONS_A_TREE, _LEAST_TREES, _MOST_TREES = 60, 20, 350
_PARAMETERS = {
    "objective": "lambdarank",
    "learning_rate": 0.08,
    "num_leaves": 15,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5,
    "lambdarank_truncation_level": 30,
    "max_bin": 127,
    # Equal data and seed give equal trees, on any number of threads.
    "deterministic": True,
    "force_row_wise": True,
    "seed": 1,
    "verbosity": -1,
}
_TEXT = "text"


@dataclass(frozen=True)
class Trees:
    """A fitted second stage; its last column is NRMS' dot where it `reads_text`."""

    features: tuple[str, ...]
    reads_text: bool
    booster: Any  # LightGBM's Booster, which has no types

    def scores(self, features: np.ndarray, text: np.ndarray | None) -> np.ndarray:
        """Score candidates by features (N, F) and dots (N,), as float32 (N,)."""
        if not len(features):
            return np.zeros(0, dtype=np.float32)
        # A thread: a ranking of 100 candidates takes less time than threads take to start.
        found = self.booster.predict(
            _columns(features, text if self.reads_text else None), num_threads=1
        )
        return np.asarray(found, dtype=np.float32)

    def parts(self, features: np.ndarray, text: float) -> dict[str, float]:
        """Split the score of one candidate, features (F,), by name, as SHAP does; they add up."""
        row = _columns(features[None], np.array([text]) if self.reads_text else None)
        shares = self.booster.predict(row, pred_contrib=True, num_threads=1)[0].tolist()
        return dict(zip([*self.booster.feature_name(), "common"], shares, strict=True))

    def importance(self) -> dict[str, float]:
        """Give each column's share of all that the trees gained, highest first."""
        gains = self.booster.feature_importance("gain")
        shares = (gains / max(gains.sum(), 1e-9)).tolist()
        named = zip(self.booster.feature_name(), shares, strict=True)
        return dict(sorted(named, key=lambda each: -each[1]))

    def text(self) -> str:
        """Write the trees as LightGBM does."""
        return str(self.booster.model_to_string())

    @classmethod
    def of_text(cls, features: Sequence[str], text: str, *, reads_text: bool) -> "Trees":
        """Read what `text` has written; InputError where LightGBM cannot be had, or reads none."""
        try:
            booster = _lightgbm().Booster(model_str=text)
        except Exception as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"late: the trees are damaged: {error}") from error
        return cls(tuple(features), reads_text, booster)


def fit_trees(
    names: Sequence[str],
    features: np.ndarray,
    text: np.ndarray | None,
    labels: np.ndarray,
    offsets: np.ndarray,
) -> Trees:
    """Fit on features (N, F), dots (N,) or None, and labels (N,) of I impressions.

    Raises InputError where LightGBM is not installed.
    """
    lightgbm = _lightgbm()
    columns = [*names, _TEXT] if text is not None else list(names)
    rows = lightgbm.Dataset(
        _columns(features, text), labels, group=np.diff(offsets), feature_name=columns
    )
    rounds = min(max(len(offsets) // _IMPRESSIONS_A_TREE, _LEAST_TREES), _MOST_TREES)
    return Trees(tuple(names), text is not None, lightgbm.train(_PARAMETERS, rows, rounds))


def _columns(features: np.ndarray, text: np.ndarray | None) -> np.ndarray:
    return features if text is None else np.concatenate([features, text[:, None]], axis=1)


def _lightgbm() -> ModuleType:
    try:
        import lightgbm
    except ImportError as error:
        raise InputError(
            "late: the second stage needs LightGBM; pip install 'nrms-torch[rerank]'"
        ) from error
    return lightgbm
