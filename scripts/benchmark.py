"""Measure speed and memory beside TensorFlow: `python scripts/benchmark.py case=train batch=64`."""

from pathlib import Path

from omegaconf import DictConfig

from benchmarks.speed.cases import CASES
from benchmarks.speed.report import draw, print_table, write_json
from benchmarks.speed.settings import read_settings
from nrms_torch.commands.main import command
from nrms_torch.files import require_writable


@command("benchmark")
def main(config: DictConfig) -> None:
    """Measure one case, print its rows and write them."""
    settings = read_settings(config)
    outputs = [
        (Path(str(file)), write)
        for file, write in ((config.json, write_json), (config.figure, draw))
        if file
    ]
    for file, _ in outputs:
        require_writable(file)
    rows = list(CASES[config.case](settings))
    print_table(rows)
    for file, write in outputs:
        write(rows, file)


if __name__ == "__main__":
    main()
