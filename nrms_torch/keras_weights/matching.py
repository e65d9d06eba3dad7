"""Match a file's layers to a model's: by their place and order, never by the numbers in names."""

from pathlib import Path

import numpy as np

from nrms_torch.errors import InputError
from nrms_torch.keras_weights.layers import KINDS, Encoders, Layer, layers_of
from nrms_torch.model.nrms import NRMS

Pairs = list[tuple[Layer, Layer]]


def match(path: Path, encoders: Encoders, model: NRMS) -> dict[str, np.ndarray]:
    """Give a file's weights under the baseline's names.

    Raises InputError for a layer that is missing, one too many or of another shape, and for copies
    that differ.
    """
    expected = layers_of(model)
    nothing: dict[str, list[Layer]] = {"the file": []}
    news = {
        group: _pair(path, group, layers, expected["news_encoder"])
        for group, layers in (encoders.news or nothing).items()
    }
    users = {
        group: _pair(path, group, layers, expected["user_encoder"])
        for group, layers in (encoders.users or nothing).items()
    }
    # The user encoder first: a wrong head count is plainest in its attention.
    user_encoder = _agreed(path, users)
    return _agreed(path, news) | user_encoder


def _pair(path: Path, group: str, found: list[Layer], expected: list[Layer]) -> Pairs:
    """Pair the layers of each kind in order; InputError where their numbers differ."""
    pairs: Pairs = []
    for kind, about in KINDS.items():
        theirs = [layer for layer in found if layer.kind == kind]
        ours = [layer for layer in expected if layer.kind == kind]
        if len(theirs) != len(ours):
            raise InputError(
                f"{path}: {group} has {_listed(about.keras_class, theirs)}, "
                f"expected {_listed(about.keras_class, ours)}"
            )
        pairs += zip(theirs, ours, strict=True)
    return pairs


def _agreed(path: Path, copies: dict[str, Pairs]) -> dict[str, np.ndarray]:
    """Give an encoder's weights; InputError where a shape is wrong or the copies differ."""
    (first, pairs), *others = copies.items()
    weights = _weights(path, pairs)
    for name, other in others:
        for variable, array in _weights(path, other).items():
            if not np.array_equal(array, weights[variable]):
                raise InputError(
                    f"{path}: {variable} differs between {first} and {name}; expected two copies "
                    "of one layer"
                )
    return weights


def _weights(path: Path, pairs: Pairs) -> dict[str, np.ndarray]:
    weights = {}
    for found, expected in pairs:
        for variable, array in found.variables.items():
            wanted = expected.variables[variable].shape
            if array.shape != wanted:
                advice = (
                    "it is transposed"
                    if array.shape == wanted[::-1]
                    else f"check {KINDS[found.kind].settings}"
                )
                raise InputError(
                    f"{path}: layer {found.name}: {expected.name}.{variable} has shape "
                    f"{array.shape}, expected {wanted}; {advice}"
                )
            weights[f"{expected.name}.{variable}"] = array
    return weights


def _listed(keras_class: str, layers: list[Layer]) -> str:
    if not layers:
        return f"no {keras_class} layer"
    names = ", ".join(f"{layer.name} {layer.shapes}" for layer in layers)
    return f"{len(layers)} {keras_class} layer{'s' if len(layers) > 1 else ''}: {names}"
