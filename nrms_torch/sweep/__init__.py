"""Sweeps without an account: W&B's sweep files, Optuna's search, one run folder a trial."""
