"""`nrms download` from a checkout: `python scripts/download.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("download")
