"""`nrms convert` from a checkout: `python scripts/convert_logs.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("convert")
