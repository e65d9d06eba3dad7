"""The recommender behind HTTP: `nrms serve BUNDLE`."""
