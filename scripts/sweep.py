"""`nrms sweep` from a checkout: `python scripts/sweep.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("sweep")
