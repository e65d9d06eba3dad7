"""Weights that Keras saved, in the three formats users have, to our state dict and back."""

from nrms_torch.keras_weights.keras3_h5 import write_keras_weights
from nrms_torch.keras_weights.reading import KerasWeights, read_keras_weights

__all__ = ["KerasWeights", "read_keras_weights", "write_keras_weights"]
