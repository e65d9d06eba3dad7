"""`nrms import-weights` from a checkout: `python scripts/import_keras_weights.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("import-weights")
