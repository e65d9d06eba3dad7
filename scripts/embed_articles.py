"""`nrms embed` from a checkout: `python scripts/embed_articles.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("embed")
