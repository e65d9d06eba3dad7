"""Ablate the standard variant: `python scripts/ablation.py data=mind data.path=… split=days`."""

import sys

from omegaconf import DictConfig

from benchmarks.ablation.run import run_ablation
from nrms_torch.commands.main import command


@command("ablation")
def main(config: DictConfig) -> None:
    """Train every case, and print what each is worth."""
    print(run_ablation(config, sys.argv[1:]))


if __name__ == "__main__":
    main()
