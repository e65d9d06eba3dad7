"""`nrms generate` from a checkout: `python scripts/generate_data.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("generate")
