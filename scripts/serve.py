"""`nrms serve` from a checkout: `python scripts/serve.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("serve")
