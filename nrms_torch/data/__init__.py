"""Data: from a folder of impressions to batches of indices."""
