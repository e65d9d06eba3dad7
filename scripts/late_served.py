"""Measure what late features cost a served ranking: `python scripts/late_served.py`."""

from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from benchmarks.late.served import served_ms
from nrms_torch.commands.main import command


@command("late_served")
def main(config: DictConfig) -> None:
    """Ask two servers in turn, and print the percentiles of both."""
    bundles = Path(config["without"]), Path(config["with"])
    for name, times in served_ms(*bundles, config.rankings).items():
        middle, high, highest = np.percentile(times, [50, 90, 99])
        print(f"{name:5} p50 {middle:.2f} ms, p90 {high:.2f} ms, p99 {highest:.2f} ms")


if __name__ == "__main__":
    main()
