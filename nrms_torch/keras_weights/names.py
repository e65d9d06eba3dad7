"""Names and layouts of the weights: the TensorFlow baseline's against ours.

The baseline's names are those of its layers in order, `news_encoder.dense.0.kernel` and so on;
kernels are (in, out) there and (out, in) in torch's linear layers.
"""

import re
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn


def keras_names(model: nn.Module) -> dict[str, str]:
    """Give, for each weight of our state dict, its name in the baseline."""
    names = {name: _keras_name(name) for name in model.state_dict()}
    # NRMSDocVec's last dense layer has no BatchNorm; the baseline counts it on with the others.
    last = sum(name.endswith(".gamma") for name in names.values())
    return {ours: name.replace("output", f"dense.{last}") for ours, name in names.items()}


def from_keras(model: nn.Module, weights: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Turn weights under the baseline's names into a state dict for `model`."""
    return {
        ours: torch.from_numpy(_transposed(ours, np.asarray(weights[theirs])))
        for ours, theirs in keras_names(model).items()
    }


def to_keras(model: nn.Module, state: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Turn tensors named as in our state dict, weights or gradients, into the baseline's."""
    names = keras_names(model)
    return {
        names[ours]: _transposed(ours, tensor.detach().cpu().numpy())
        for ours, tensor in state.items()
    }


def _keras_name(name: str) -> str:
    name = name.replace("stack.", "")
    if match := re.search(r"batch_norm\.\d+\.(weight|bias)$", name):
        return name[: match.start(1)] + {"weight": "gamma", "bias": "beta"}[match[1]]
    name = re.sub(r"(dense\.\d+|output)\.weight$", r"\1.kernel", name)
    name = name.replace("embedding.weight", "embedding.embeddings")
    return name.replace("running_mean", "moving_mean").replace("running_var", "moving_variance")


def _transposed(ours: str, array: np.ndarray) -> np.ndarray:
    is_linear = re.search(r"(dense\.\d+|output)\.weight$", ours)
    return np.ascontiguousarray(array.T) if is_linear else array
