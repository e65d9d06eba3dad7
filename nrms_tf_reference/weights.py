"""The weights of both encoders as one mapping from name to array, such as recordings have.

Names are `news_encoder.self_attention.WQ`, `news_encoder.dense.0.kernel` and so on; kernels are
(in, out).
"""

from collections.abc import Iterator, Mapping

import keras
import numpy as np

from nrms_tf_reference.layers import AttLayer2, SelfAttention

_ONE_PER_ENCODER = {
    keras.layers.Embedding: "embedding",
    SelfAttention: "self_attention",
    AttLayer2: "pooling",
}
_NUMBERED = {keras.layers.Dense: "dense", keras.layers.BatchNormalization: "batch_norm"}


def named_variables(*encoders: keras.Model) -> dict[str, keras.Variable]:
    """Give the variables of the encoders, which are named `news_encoder` and `user_encoder`."""
    return {
        f"{encoder.name}.{layer}.{variable.name}": variable
        for encoder in encoders
        for layer, variables in _named_layers(encoder)
        for variable in variables
    }


def get_weights(variables: Mapping[str, keras.Variable]) -> dict[str, np.ndarray]:
    """Copy the variables into arrays."""
    return {name: variable.value.numpy().copy() for name, variable in variables.items()}


def set_weights(variables: Mapping[str, keras.Variable], weights: Mapping[str, np.ndarray]) -> None:
    """Copy the arrays into the variables: all of them, and no others.

    Raises:
        ValueError: a name that is missing or too many, or an array of another shape; nothing has
            been copied then.
    """
    if wrong := variables.keys() ^ weights.keys():
        name = min(wrong)
        problem = "is missing" if name in variables else "is none of this model's"
        raise ValueError(f"weight {name} {problem}")
    for name, variable in variables.items():
        if weights[name].shape != tuple(variable.shape):
            raise ValueError(
                f"weight {name} has shape {weights[name].shape}; expected {tuple(variable.shape)}"
            )
    for name, variable in variables.items():
        variable.assign(weights[name])


def _named_layers(encoder: keras.Model) -> Iterator[tuple[str, list[keras.Variable]]]:
    seen = dict.fromkeys(_NUMBERED.values(), 0)
    for layer in encoder.layers:
        for kind, name in _ONE_PER_ENCODER.items():
            if isinstance(layer, kind):
                yield name, layer.variables
        for kind, name in _NUMBERED.items():
            if isinstance(layer, kind):
                yield f"{name}.{seen[name]}", layer.variables
                seen[name] += 1
