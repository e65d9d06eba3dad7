"""`nrms recommend` from a checkout: `python scripts/recommend.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("recommend")
