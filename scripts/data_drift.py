"""`nrms drift` from a checkout: `python scripts/data_drift.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("drift")
