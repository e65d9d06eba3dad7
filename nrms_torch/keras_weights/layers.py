"""The layers of a weight file or of a model, whatever the format: kind, name and variables."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nrms_torch.errors import InputError
from nrms_torch.keras_weights.names import to_keras
from nrms_torch.model.nrms import NRMS


@dataclass(frozen=True)
class LayerKind:
    """What a kind of layer looks like: its class in Keras' spelling, and its variables.

    `ranks` are the numbers of dimensions of `variables`, which differ between any two kinds, and
    `settings` name what decides their sizes.
    """

    keras_class: str
    variables: tuple[str, ...]
    ranks: tuple[int, ...]
    settings: str


_UNITS = "model.newsencoder_units_per_layer"
KINDS = {
    "embedding": LayerKind(
        "embedding", ("embeddings",), (2,), "model.vocabulary_size and model.embedding_size"
    ),
    "self_attention": LayerKind(
        "self_attention", ("WQ", "WK", "WV"), (2, 2, 2), "model.head_num and model.head_dim"
    ),
    "dense": LayerKind(
        "dense", ("kernel", "bias"), (2, 1), f"{_UNITS} and model.document_vector_size"
    ),
    "batch_norm": LayerKind(
        "batch_normalization",
        ("gamma", "beta", "moving_mean", "moving_variance"),
        (1, 1, 1, 1),
        _UNITS,
    ),
    "pooling": LayerKind("att_layer2", ("W", "b", "q"), (2, 1, 2), "model.attention_hidden_dim"),
}


@dataclass(frozen=True)
class Layer:
    """A layer of one of KINDS; `name` is as its file or the model has it."""

    name: str
    kind: str
    variables: dict[str, np.ndarray]

    @property
    def shapes(self) -> str:
        """The shapes of the variables, for a reader."""
        return " ".join(str(array.shape) for array in self.variables.values())


class Encoders(NamedTuple):
    """The layers of a file in network order, by the names of the groups that hold them.

    The news encoder may be there in several copies; the user encoder's are its own layers alone.
    """

    news: dict[str, list[Layer]]
    users: dict[str, list[Layer]]

    @classmethod
    def of_groups(cls, groups: dict[str, list[Layer]]) -> "Encoders":
        """Tell the encoders apart: a user encoder has neither embedding nor dense layers."""
        news = {
            name: layers
            for name, layers in groups.items()
            if any(layer.kind in ("embedding", "dense") for layer in layers)
        }
        return cls(news, {name: layers for name, layers in groups.items() if name not in news})


def layer_of_names(path: Path, name: str, variables: dict[str, np.ndarray]) -> Layer:
    """Tell a layer's kind by the names of its variables; InputError where it is none of NRMS'."""
    for kind, about in KINDS.items():
        if set(about.variables) == set(variables):
            return Layer(
                name, kind, {variable: variables[variable] for variable in about.variables}
            )
    raise InputError(
        f"{path}: layer {name} has the variables {', '.join(variables)}; expected one of "
        + "; ".join(f"{', '.join(kind.variables)} ({kind.keras_class})" for kind in KINDS.values())
    )


def layer_of_ranks(path: Path, name: str, arrays: Sequence[np.ndarray]) -> Layer:
    """Tell a layer's kind by the ranks of its variables; InputError where it is none of NRMS'."""
    for kind, about in KINDS.items():
        if about.ranks == tuple(array.ndim for array in arrays):
            return Layer(name, kind, dict(zip(about.variables, arrays, strict=True)))
    shapes = " ".join(str(array.shape) for array in arrays)
    raise InputError(
        f"{path}: layer {name} has variables of shapes {shapes}; expected the numbers of "
        "dimensions of " + ", ".join(f"{kind.keras_class} {kind.ranks}" for kind in KINDS.values())
    )


def layers_of(model: NRMS) -> dict[str, list[Layer]]:
    """Give the layers of `news_encoder` and `user_encoder` with the model's own weights."""
    by_layer: dict[str, dict[str, np.ndarray]] = {}
    for name, array in to_keras(model, model.state_dict()).items():
        layer, variable = name.rsplit(".", 1)
        by_layer.setdefault(layer, {})[variable] = array
    encoders: dict[str, list[Layer]] = {}
    for name, variables in by_layer.items():
        encoder, kind = name.split(".")[:2]
        encoders.setdefault(encoder, []).append(Layer(name, kind, variables))
    return encoders
