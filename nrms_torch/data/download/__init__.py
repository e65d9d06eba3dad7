"""Archives from the web: which there are, how one is fetched, checked and unpacked."""
