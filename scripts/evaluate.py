"""`nrms evaluate` from a checkout: `python scripts/evaluate.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("evaluate")
