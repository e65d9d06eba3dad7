"""The TensorFlow baseline on Keras 3, written from its measured behaviour: what we compare with.

It stands alone: nothing of `nrms_torch` is imported, so that a mistake cannot be shared.
"""

from nrms_tf_reference.reference import Reference, build

__all__ = ["Reference", "build"]
