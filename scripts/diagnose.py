"""`nrms diagnose` from a checkout: `python scripts/diagnose.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("diagnose")
