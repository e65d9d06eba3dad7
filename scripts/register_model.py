"""`nrms register` from a checkout: `python scripts/register_model.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("register")
