"""`nrms validate` from a checkout: `python scripts/validate_data.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("validate")
