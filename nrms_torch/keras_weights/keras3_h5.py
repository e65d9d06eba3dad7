"""Keras 3 `.weights.h5`: a group a layer, named by class and number, its variables by number."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from nrms_torch.errors import InputError
from nrms_torch.files import replacing
from nrms_torch.keras_weights.layers import KINDS, Encoders, Layer, layer_of_ranks, layers_of
from nrms_torch.model.hyper_parameters import BaselineHyperParameters, NRMSHyperParameters
from nrms_torch.model.nrms import NRMS

_VARIABLE = re.compile(r"(?P<layer>.+)/vars/(?P<number>\d+)")
_NEWS = "layers/time_distributed/layer"
_USERS = "layers/functional"
# Group to name of what holds no weights of its own, in the order in which the baseline makes them.
_FRAME = {
    "": "functional",
    "layers/input_layer": "input_layer_1",
    "layers/input_layer_1": "input_layer",
    "layers/time_distributed": "time_distributed_1",
    "layers/dot": "dot",
    "layers/activation": "activation",
    _NEWS: "news_encoder",
    f"{_NEWS}/layers/input_layer": "input_layer_3",
    _USERS: "user_encoder",
    f"{_USERS}/layers/input_layer": "input_layer_2",
    f"{_USERS}/layers/time_distributed": "time_distributed",
}


def read_keras3_h5(path: Path, file: Any) -> Encoders:
    """Give the encoders of an open file; the order of layers is that of their numbers."""
    layers = _read_layers(file)
    groups: dict[str, list[Layer]] = {}
    for name in sorted(layers, key=_class_and_number):
        arrays = [array for _, array in sorted(layers[name].items())]
        groups.setdefault(name.rpartition("/")[0], []).append(layer_of_ranks(path, name, arrays))
    return Encoders.of_groups(groups)


def write_keras_weights(path: Path, model: NRMS) -> None:
    """Write the weights as Keras 3 saves those of the baseline's training model.

    The optimizer's state is left out: Keras would take its learning rate for the user's own.
    Raises InputError for a name that does not end in `.weights.h5`, which Keras refuses to load,
    and where the file cannot be written.
    """
    import h5py

    if not path.name.endswith(".weights.h5"):
        raise InputError(f"{path}: expected a name that ends in .weights.h5, as Keras does")
    encoders = layers_of(model)
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for group, name in _FRAME.items():
            _write_layer(file, group, name)
        for number in range(_dropouts(model)):
            name = _numbered("dropout", number)
            _write_layer(file, f"{_NEWS}/layers/{name}", name)
        news, users = encoders["news_encoder"], encoders["user_encoder"]
        _write_encoder(file, f"{_NEWS}/layers", news, before=[])
        _write_encoder(file, f"{_USERS}/layers", users, before=news)


def _write_encoder(file: Any, group: str, layers: list[Layer], *, before: list[Layer]) -> None:
    """Write layers; group numbers begin anew in each model, names go on from the layers before."""
    for position, layer in enumerate(layers):
        number = sum(other.kind == layer.kind for other in layers[:position])
        total = number + sum(other.kind == layer.kind for other in before)
        keras_class = KINDS[layer.kind].keras_class
        variables = _write_layer(
            file, f"{group}/{_numbered(keras_class, number)}", _numbered(keras_class, total)
        )
        for key, array in enumerate(layer.variables.values()):
            variables[str(key)] = array


def _write_layer(file: Any, group: str, name: str) -> Any:
    variables = file.create_group(f"{group}/vars")
    variables.attrs["name"] = name
    return variables


def _dropouts(model: NRMS) -> int:
    """Count the baseline's dropout layers: one after the embedding, and one after each layer."""
    hyper_parameters = model.hyper_parameters
    assert isinstance(hyper_parameters, BaselineHyperParameters)
    units = len(hyper_parameters.newsencoder_units_per_layer)
    return 1 + max(units, 1) if isinstance(hyper_parameters, NRMSHyperParameters) else units


def _read_layers(file: Any) -> dict[str, dict[int, np.ndarray]]:
    """Read the variables of all groups by their numbers, but for the optimizer's state."""
    layers: dict[str, dict[int, np.ndarray]] = {}

    def visit(name: str, node: Any) -> None:
        place = _VARIABLE.fullmatch(name)
        # Whole numbers, such as a dropout's seed, are no weights.
        if place and place["layer"] != "optimizer" and node.dtype.kind == "f":
            variables = layers.setdefault(place["layer"], {})
            variables[int(place["number"])] = np.asarray(node, dtype=np.float32)

    file.visititems(visit)
    return layers


def _class_and_number(group: str) -> tuple[str, int]:
    """Split `…/dense_10` in two, since as text it would come before `…/dense_9`."""
    numbered = re.fullmatch(r"(.*)_(\d+)", group)
    return (numbered[1], int(numbered[2])) if numbered else (group, 0)


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name
