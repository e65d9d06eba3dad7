"""How fast we are, and what each part of the model is worth: measured from a checkout."""
