"""`nrms check-bundle` from a checkout: `python scripts/check_bundle.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("check-bundle")
