"""`nrms plot` from a checkout: `python scripts/plot_runs.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("plot")
