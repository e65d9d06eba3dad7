"""Keras 2 `.h5` weights: a group a layer of the outer model, with the names of all its weights."""

from pathlib import Path
from typing import Any

import numpy as np

from nrms_torch.errors import InputError
from nrms_torch.keras_weights.layers import Encoders, Layer, layer_of_names


def read_keras2_h5(path: Path, file: Any) -> Encoders:
    """Give the encoders of an open file.

    The outer model has the news encoder, wrapped in TimeDistributed, and the user encoder, which
    lists the news encoder's layers once more.
    """
    groups = {name: _read_group(path, file, name) for name in _names(file, "layer_names")}
    news: dict[str, list[Layer]] = {}
    users: dict[str, list[Layer]] = {}
    known: set[str] = set()
    # The news encoder has fewer layers than the user encoder that holds it.
    for group, layers in sorted(groups.items(), key=lambda item: len(item[1])):
        if copies := [layer for layer in layers if layer.name in known]:
            news[f"{group}'s news encoder"] = copies
            users[group] = [layer for layer in layers if layer.name not in known]
        elif layers:
            news[group] = layers
        known.update(layer.name for layer in layers)
    return Encoders(news, users)


def _read_group(path: Path, file: Any, group: str) -> list[Layer]:
    """Read the layers of a group in the order of its weight names, which is the network's."""
    layers: dict[str, dict[str, np.ndarray]] = {}
    try:
        for weight in _names(file[group], "weight_names"):
            layer, _, variable = weight.rpartition("/")
            array = np.asarray(file[group][weight], dtype=np.float32)
            layers.setdefault(layer, {})[variable.removesuffix(":0")] = array
    except KeyError as error:
        raise InputError(
            f"{path}: damaged: {group} lacks what it lists: {error.args[0]}"
        ) from error
    return [layer_of_names(path, layer, variables) for layer, variables in layers.items()]


def _names(node: Any, attribute: str) -> list[str]:
    """Read a list of names, which older Keras wrote as bytes."""
    names = node.attrs[attribute]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]
