"""Keras 2 weights as a TensorFlow checkpoint: layers by the paths of its objects."""

import re
from pathlib import Path

import numpy as np

from nrms_torch.keras_weights.layers import Encoders, Layer, layer_of_names
from nrms_torch.keras_weights.tensor_bundle import TensorBundle

_VARIABLE = re.compile(
    r"(?P<encoder>(.*/)?)layer_with_weights-(?P<number>\d+)/(?P<variable>\w+)"
    r"/\.ATTRIBUTES/VARIABLE_VALUE"
)


def read_tf_checkpoint(prefix: Path) -> Encoders:
    """Give the encoders of a checkpoint.

    A path such as `layer_with_weights-1/layer_with_weights-2/WQ` counts layers as the network has
    them; the news encoder, which two models hold, is saved once. Raises InputError where a file is
    missing, damaged or of a kind that Keras does not write.
    """
    bundle = TensorBundle(prefix)
    layers: dict[tuple[str, int], dict[str, np.ndarray]] = {}
    for key in bundle.keys:
        if place := _VARIABLE.fullmatch(key):
            variables = layers.setdefault((place["encoder"], int(place["number"])), {})
            variables[place["variable"]] = bundle.read(key)
    groups: dict[str, list[Layer]] = {}
    for encoder, number in sorted(layers):
        name = f"{encoder}layer_with_weights-{number}"
        layer = layer_of_names(prefix, name, layers[encoder, number])
        groups.setdefault(encoder or "the outer model", []).append(layer)
    return Encoders.of_groups(groups)
