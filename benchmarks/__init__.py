"""How fast we are, and what each part of the model is worth: measured from a checkout."""

# First of all that a proof imports: it says how threads wait, which torch reads but once.
from nrms_torch.threads import spin_briefly

spin_briefly()
