"""Generated data with a known answer, shaped like EB-NeRD."""
