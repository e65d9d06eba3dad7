"""`nrms predict` from a checkout: `python scripts/predict.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("predict")
