"""`nrms sweep`: try settings on this machine."""

from omegaconf import DictConfig

from nrms_torch.sweep.run import run_sweep


def main(config: DictConfig, words: list[str]) -> None:
    """Train the trials that are left, and report all."""
    run_sweep(config, words)
