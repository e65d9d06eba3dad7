"""The command line: `nrms VERB name=value …`, one verb a file."""
