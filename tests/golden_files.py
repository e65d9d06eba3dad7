"""What the TensorFlow baseline computed, as recorded: inputs, weights and outputs of six models."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nrms_torch.data.loading import TrainingBatch
from nrms_torch.model.hyper_parameters import from_mapping
from nrms_torch.model.keras_names import from_keras
from nrms_torch.model.nrms import NRMS

FOLDER = Path(__file__).parent / "golden"
RECORDINGS = (
    "nrms",
    "nrms_dense_layers",
    "nrms_docvec",
    "nrms_docvec_tied_init",
    "nrms_log_loss",
    "nrms_tied_init",
)
_SAME_NAME = (
    "history_size",
    "head_num",
    "head_dim",
    "attention_hidden_dim",
    "dropout",
    "newsencoder_units_per_layer",
    "newsencoder_l2_regularization",
)


@dataclass(frozen=True)
class Recording:
    """One recorded model; the keys of `arrays` are `weights/NAME`, `expected/softmax` and so on."""

    name: str
    config: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def group(self, prefix: str) -> dict[str, np.ndarray]:
        """Give the arrays under `prefix`, which their names lose."""
        return {
            name.removeprefix(f"{prefix}/"): array
            for name, array in self.arrays.items()
            if name.startswith(f"{prefix}/")
        }

    @property
    def table(self) -> Tensor:
        """The article table: token rows (60, T) or document vectors (60, W)."""
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

    def hyper_parameters(self) -> dict[str, Any]:
        """Give the mapping that `from_mapping` takes."""
        config, width = self.config, self.table.shape[1]
        shared = {name: config[name] for name in _SAME_NAME}
        if config["model"] == "docvec":
            return {"name": "nrms_docvec", "document_vector_size": width, **shared}
        sizes = {"vocabulary_size": config["vocab_size"], "embedding_size": config["word_emb_dim"]}
        return {"name": "nrms", "title_size": width, **sizes, **shared}

    def model(self) -> NRMS:
        """Make the model with the recorded weights, in evaluation mode."""
        model = NRMS(from_mapping(self.hyper_parameters()))
        model.load_state_dict(from_keras(model, self.group("weights")))
        return model.eval()


def load_recording(name: str) -> Recording:
    """Read one of RECORDINGS."""
    with np.load(FOLDER / f"{name}.npz") as file:
        arrays = {key: file[key] for key in file.files if key != "config"}
        return Recording(name, json.loads(str(file["config"])), arrays)


def _batch(arrays: dict[str, np.ndarray]) -> TrainingBatch:
    return TrainingBatch(
        *(torch.from_numpy(arrays[name]) for name in ("history", "candidates", "labels"))
    )
