"""A golden `.npz`: configuration, weights, inputs and outputs of a model of the baseline.

Dimensions: R rows of the article table, T tokens of a title, W width of a document vector.
"""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nrms_torch.data.loading import TrainingBatch
from nrms_torch.errors import InputError
from nrms_torch.keras_weights.names import from_keras, to_keras
from nrms_torch.model.hyper_parameters import from_mapping
from nrms_torch.model.nrms import NRMS

SHARED_NAMES = (
    "history_size",
    "head_num",
    "head_dim",
    "attention_hidden_dim",
    "dropout",
    "newsencoder_units_per_layer",
    "newsencoder_l2_regularization",
)
_BATCH = ("history", "candidates", "labels")
_OUTPUTS = (
    "softmax",
    "sigmoid",
    "news_vectors",
    "user_vectors",
    "train_softmax",
    "data_loss",
    "regularization_loss",
    "trajectory_losses",
    "final_softmax",
)
_MEMBERS = (
    "inputs/table",
    *(f"{group}/{name}" for group in ("inputs", "trajectory") for name in _BATCH),
    *(f"expected/{name}" for name in _OUTPUTS),
)


@dataclass(frozen=True)
class Recording:
    """One recorded model; the keys of `arrays` are `weights/NAME`, `expected/softmax` and so on."""

    path: Path
    config: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    @classmethod
    def read(cls, path: Path) -> "Recording":
        """Read a golden file; InputError where it is damaged or lacks something."""
        try:
            with np.load(path) as file:
                arrays = {key: file[key] for key in file.files if key != "config"}
                config = json.loads(str(file["config"]))
        except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: damaged; expected a golden .npz: {error}") from error
        if missing := [name for name in _MEMBERS if name not in arrays]:
            raise InputError(f"{path}: {missing[0]}: missing; expected a golden .npz")
        needed = {"model", "loss", "learning_rate", *SHARED_NAMES}
        if config.get("model") != "docvec":
            needed |= {"vocab_size", "word_emb_dim"}
        if absent := sorted(needed - config.keys()):
            raise InputError(f"{path}: config: {absent[0]} is missing")
        return cls(path, config, arrays)

    def group(self, prefix: str) -> dict[str, np.ndarray]:
        """Give the arrays under `prefix`, which their names lose."""
        return {
            name.removeprefix(f"{prefix}/"): array
            for name, array in self.arrays.items()
            if name.startswith(f"{prefix}/")
        }

    @property
    def table(self) -> Tensor:
        """The article table: token rows (R, T) or document vectors (R, W)."""
        return torch.from_numpy(self.arrays["inputs/table"])

    @property
    def inputs(self) -> TrainingBatch:
        """The batch of the recorded outputs and gradients."""
        return _batch(self.group("inputs"))

    @property
    def trajectory(self) -> list[TrainingBatch]:
        """The batches of the recorded training steps, in order."""
        arrays = self.group("trajectory")
        steps = len(arrays["history"])
        return [_batch({name: array[i] for name, array in arrays.items()}) for i in range(steps)]

    @property
    def has_dense_layers(self) -> bool:
        """Whether the news encoder has ReLUs, which may come to sit on a rounding edge."""
        return bool(self.config["newsencoder_units_per_layer"])

    @cached_property
    def hyper_parameters(self) -> dict[str, Any]:
        """The mapping that `from_mapping` takes."""
        config, width = self.config, self.table.shape[1]
        shared = {name: config[name] for name in SHARED_NAMES}
        if config["model"] == "docvec":
            return {"name": "nrms_docvec", "document_vector_size": width, **shared}
        sizes = {"vocabulary_size": config["vocab_size"], "embedding_size": config["word_emb_dim"]}
        return {"name": config["model"], "title_size": width, **sizes, **shared}

    def model(self) -> NRMS:
        """Make the model with the recorded weights, in evaluation mode.

        Raises InputError where a weight is missing or has another shape.
        """
        model = self.unweighted_model()
        weights = self.group("weights")
        for name, array in to_keras(model, model.state_dict()).items():
            found = weights[name].shape if name in weights else "missing"
            if found != array.shape:
                raise InputError(f"{self.path}: weights/{name}: {found}, expected {array.shape}")
        model.load_state_dict(from_keras(model, weights))
        return model.eval()

    def unweighted_model(self) -> NRMS:
        """Make the model with initial weights of its own."""
        return NRMS(from_mapping(self.hyper_parameters))

    def with_weights(self, state: Mapping[str, Tensor]) -> "Recording":
        """Give a recording that starts from `state`, a state dict of its model."""
        kept = {
            name: array for name, array in self.arrays.items() if not name.startswith("weights/")
        }
        named = to_keras(self.unweighted_model(), state)
        return replace(self, arrays=kept | {f"weights/{name}": a for name, a in named.items()})


def _batch(arrays: Mapping[str, np.ndarray]) -> TrainingBatch:
    return TrainingBatch(*(torch.from_numpy(arrays[name]) for name in _BATCH))
