"""The rules of the baseline, each with a way to break it: proof that the checks can fail."""
