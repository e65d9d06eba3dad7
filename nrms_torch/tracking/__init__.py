"""Runs beside each other: Weights & Biases, its registry, and comparisons without an account."""
