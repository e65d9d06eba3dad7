"""The late stage of a run: its settings and what was fitted, as files of a run or of a bundle."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nrms_torch.errors import InputError
from nrms_torch.fields import from_fields, require_integer
from nrms_torch.files import replacing
from nrms_torch.late.features import check_features
from nrms_torch.late.linear import Linear, fit_linear
from nrms_torch.late.trees import Trees, fit_trees

STAGE, TREES = "late.json", "late_trees.txt"
LINEAR, LIGHTGBM = "linear", "lightgbm"
STREAMING, TRAIN_ONLY = "streaming", "train_only"
_CHOICES = {"kind": (LINEAR, LIGHTGBM), "rule": (STREAMING, TRAIN_ONLY)}


@dataclass(frozen=True)
class LateSettings:
    """The section `late` of a configuration; configs/late/ explains each field.

    Raises InputError, naming the field, for a value that it cannot have.
    """

    kind: str
    rule: str
    lag: int
    features: tuple[str, ...]

    def __post_init__(self) -> None:
        for field, choices in _CHOICES.items():
            if (found := getattr(self, field)) not in choices:
                raise InputError(f"late.{field}: {found!r} is none of {', '.join(choices)}")
        require_integer("late.lag", self.lag, 0)
        if isinstance(self.features, str):
            raise InputError(f"late.features: expected a list, found {self.features!r}")
        object.__setattr__(self, "features", tuple(self.features))
        check_features(self.features)

    @classmethod
    def of(cls, section: Any) -> "LateSettings":
        """Take the section as a mapping; InputError for an unknown or missing field."""
        return from_fields(cls, "late", section)

    def fit(
        self,
        features: np.ndarray,
        text: np.ndarray | None,
        labels: np.ndarray,
        offsets: np.ndarray,
    ) -> "LateStage":
        """Fit on features (N, F), dots (N,) or None, and labels (N,) of impressions."""
        fit = fit_linear if self.kind == LINEAR else fit_trees
        return LateStage(self, fit(self.features, features, text, labels, offsets))


@dataclass(frozen=True)
class LateStage:
    """A fitted stage, linear or of trees."""

    settings: LateSettings
    fitted: Linear | Trees

    @property
    def features(self) -> Sequence[str]:
        """The names of the features, in the order of their columns."""
        return self.settings.features

    def scores(self, features: np.ndarray, text: np.ndarray | None) -> np.ndarray:
        """Score candidates by features (N, F) and NRMS' dots (N,), as float32 (N,)."""
        return self.fitted.scores(features, text)

    def described(self) -> dict[str, Any]:
        """Say by what rule its numbers are, for a file of metrics."""
        return {
            "kind": self.settings.kind,
            "rule": self.settings.rule,
            "lag": self.settings.lag,
        }

    def save(self, folder: Path) -> None:
        """Write the stage into a folder."""
        fitted: dict[str, Any]
        if isinstance(self.fitted, Linear):
            fitted = {"weights": self.fitted.weights, "text_weight": self.fitted.text_weight}
        else:
            fitted = {"reads_text": self.fitted.reads_text, "importance": self.fitted.importance()}
            with replacing(folder / TREES) as temporary:
                temporary.write_text(self.fitted.text())
        with replacing(folder / STAGE) as temporary:
            temporary.write_text(json.dumps(asdict(self.settings) | fitted, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "LateStage | None":
        """Read the stage of a folder, None where it has none; InputError where it is damaged."""
        file, trees = folder / STAGE, folder / TREES
        if not file.is_file():
            return None
        try:
            texts = file.read_text(), trees.read_text() if trees.is_file() else ""
        except (OSError, ValueError) as error:
            raise InputError(f"{file}: cannot be read: {error}") from error
        return cls.parse(*texts, where=str(file))

    @classmethod
    def parse(cls, stage: str, trees: str, *, where: str) -> "LateStage":
        """Make a stage of what `save` has written; InputError, with `where`, for anything else."""
        try:
            found = json.loads(stage)
            fields = ("kind", "rule", "lag", "features")
            settings = LateSettings.of({field: found[field] for field in fields})
            if settings.kind == LINEAR:
                weights = tuple(map(float, found["weights"]))
                if len(weights) != len(settings.features):
                    raise ValueError(f"{len(weights)} weights of {len(settings.features)} features")
                text_weight = float(found["text_weight"])
                return cls(settings, Linear(settings.features, weights, text_weight))
            reads_text = bool(found["reads_text"])
            return cls(settings, Trees.of_text(settings.features, trees, reads_text=reads_text))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{where}: damaged: {type(error).__name__}: {error}") from error
