"""The report of a measured split: one HTML page that needs nothing else."""
