"""Parity: recorded numbers of the TensorFlow baseline, or a live reference, against our own."""

# First of all that a proof imports: it says how threads wait, which torch reads but once.
from nrms_torch.threads import spin_briefly

spin_briefly()
