"""Prepared arrays: a split's impressions, indexed once, then memory-mapped by every process."""
