"""Read weights that Keras saved; the format is told by the content, not by the name."""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from nrms_torch.errors import InputError
from nrms_torch.keras_weights.keras2_h5 import read_keras2_h5
from nrms_torch.keras_weights.keras3_h5 import read_keras3_h5
from nrms_torch.keras_weights.layers import Encoders, Layer
from nrms_torch.keras_weights.matching import match
from nrms_torch.keras_weights.names import from_keras
from nrms_torch.keras_weights.tf_checkpoint import read_tf_checkpoint
from nrms_torch.model.nrms import NRMS

# What TensorFlow adds to the name that a checkpoint was given.
_ENDING = re.compile(r"\.(index|data-\d{5}-of-\d{5})$")


def read_keras_weights(path: Path, model: NRMS) -> dict[str, Tensor]:
    """Read weights as a state dict for `model`, from any of the formats of KerasWeights.

    Raises InputError where the file holds no Keras weights, or those of another model: it names
    the layer, its shape, and the shape that `model` expects.
    """
    return KerasWeights.read(path).state_dict(model)


@dataclass(frozen=True)
class KerasWeights:
    """The layers of a file's encoders: Keras 2 `.h5`, its checkpoints, Keras 3 `.weights.h5`."""

    path: Path
    encoders: Encoders

    @classmethod
    def read(cls, path: Path) -> "KerasWeights":
        """Read a file, a checkpoint by any of its files or their common name.

        Raises InputError where there is nothing of the kind.
        """
        if path.is_dir():
            raise InputError(f"{path}: is a folder; expected a file of weights that Keras saved")
        prefix = path.with_name(_ENDING.sub("", path.name))
        if prefix.with_name(f"{prefix.name}.index").is_file():
            return cls(path, read_tf_checkpoint(prefix))
        return cls(path, _read_hdf5(path))

    def state_dict(self, model: NRMS) -> dict[str, Tensor]:
        """Give a state dict for `model`; InputError where the layers are not the model's."""
        return from_keras(model, match(self.path, self.encoders, model))

    @property
    def model_name(self) -> str:
        """The model that has such layers, as the hyper-parameters name it."""
        return "nrms" if self._first("embedding") else "nrms_docvec"

    def sizes(self) -> dict[str, int]:
        """Give the sizes that the data decided, under the names of the hyper-parameters.

        Those are `vocabulary_size` and `embedding_size` of NRMS, `document_vector_size` of
        NRMSDocVec. Raises InputError where no layer tells them.
        """
        if embedding := self._first("embedding"):
            rows, width = embedding.variables["embeddings"].shape
            return {"vocabulary_size": rows, "embedding_size": width}
        if dense := self._first("dense"):
            return {"document_vector_size": dense.variables["kernel"].shape[0]}
        raise InputError(f"{self.path}: no embedding and no dense layer; expected a news encoder")

    def _first(self, kind: str) -> Layer | None:
        layers = (layer for group in self.encoders.news.values() for layer in group)
        return next((layer for layer in layers if layer.kind == kind), None)


def _read_hdf5(path: Path) -> Encoders:
    import h5py

    if not path.exists():
        raise InputError(f"{path}: no such file; expected weights that Keras saved")
    if zipfile.is_zipfile(path):
        raise InputError(
            f"{path}: is a whole model as Keras 3 saves it; expected weights: unzip it and take "
            "its model.weights.h5"
        )
    try:
        with h5py.File(path, "r") as file:
            return _read_open(path, file)
    except (OSError, RuntimeError) as error:  # h5py raises either for damaged content
        raise InputError(
            f"{path}: neither HDF5 nor a TensorFlow checkpoint, or damaged; expected weights that "
            "Keras saved"
        ) from error


def _read_open(path: Path, file: Any) -> Encoders:
    if "model_config" in file.attrs:
        raise InputError(
            f"{path}: is a whole model as Keras 2 saves it; expected weights: load it in Keras and "
            "call save_weights"
        )
    read = read_keras2_h5 if "layer_names" in file.attrs else read_keras3_h5
    encoders = read(path, file)
    if not any(encoders):
        raise InputError(f"{path}: is HDF5 without a layer's weights; expected what Keras saved")
    return encoders
