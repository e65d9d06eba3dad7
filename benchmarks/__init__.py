"""Proofs that are run from a checkout, beside the package."""
