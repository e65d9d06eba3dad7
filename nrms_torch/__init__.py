"""NRMS news recommendation in PyTorch, equal to the TensorFlow baseline of EB-NeRD."""

__version__ = "0.1.0"
