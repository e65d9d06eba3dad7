"""Ablate the standard variant: `python scripts/ablation.py data=mind data.path=… split=days`."""

import sys
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from nrms_torch.cli import command

# The ablation is no part of the package: it lies beside it in a checkout.
sys.path.insert(0, str(Path(__file__).parent.parent))


@command("ablation")
def main(config: DictConfig) -> None:
    """Train every case, and print what each is worth."""
    from benchmarks.ablation.run import run_ablation

    print(run_ablation(config, HydraConfig.get().overrides.task))


if __name__ == "__main__":
    main()
