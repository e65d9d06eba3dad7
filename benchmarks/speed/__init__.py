"""Speed and memory of this package beside the TensorFlow reference, in one run on the same rows."""

# First of all that a benchmark imports: it says how threads wait, which torch reads but once.
from nrms_torch.threads import spin_briefly

spin_briefly()
