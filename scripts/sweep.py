"""Try settings on this machine: `python scripts/sweep.py experiment=demo output=runs/sweep`."""

from importlib.util import find_spec

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from nrms_torch.cli import command
from nrms_torch.errors import InputError


@command("local_sweep")
def main(config: DictConfig) -> None:
    """Train the trials that are left, and report all."""
    if find_spec("optuna") is None:
        raise InputError("sweep: Optuna is not installed; expected pip install '.[sweep]'")
    from nrms_torch.sweep.run import run_sweep

    run_sweep(config, HydraConfig.get().overrides.task)


if __name__ == "__main__":
    main()
