"""The TensorFlow baseline on Keras 3, written from its measured behaviour: what we compare with.

It stands alone: outside `parity/`, which holds ours against it, nothing of `nrms_torch` is
imported, so that a mistake cannot be shared. `reference.py` has the model as its users see it;
nothing is imported here, for recorded numbers are compared without TensorFlow too.
"""
