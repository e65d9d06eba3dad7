"""What a data set looks like, whether that is plausible, and whether it is what it was."""
