"""`nrms ask` from a checkout: `python scripts/ask_server.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("ask")
