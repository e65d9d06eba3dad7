"""Evaluation: ranking metrics, beyond-accuracy metrics and submission files."""
