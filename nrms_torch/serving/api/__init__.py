"""The recommender behind HTTP: `python -m nrms_torch.serving bundle=FOLDER`."""
