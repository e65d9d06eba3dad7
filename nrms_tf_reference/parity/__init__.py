"""Parity: recorded numbers of the TensorFlow baseline, or a live reference, against our own."""
