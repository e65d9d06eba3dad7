"""`nrms plot`: compare runs."""

from pathlib import Path

from omegaconf import DictConfig, ListConfig

from nrms_torch.console import plain_console
from nrms_torch.files import require_writable
from nrms_torch.tracking.comparison import draw, read_runs, table


def main(config: DictConfig) -> None:
    """Print the runs' metrics, and draw their learning curves into one figure."""
    runs = read_runs(list(config.runs) if isinstance(config.runs, ListConfig) else [config.runs])
    file = Path(str(config.output))
    require_writable(file)
    plain_console().print(table(runs))
    draw(runs, file)
    print(f"written to {file}")
