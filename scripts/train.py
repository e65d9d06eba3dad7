"""`nrms train` from a checkout: `python scripts/train.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("train")
