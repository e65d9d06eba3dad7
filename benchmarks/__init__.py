"""How fast we are, measured from a checkout: training and evaluation, and the server under load."""
