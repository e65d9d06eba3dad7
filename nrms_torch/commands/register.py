"""`nrms register`: put a run's bundle into W&B's registry."""

from pathlib import Path

from omegaconf import DictConfig, ListConfig

from nrms_torch.errors import InputError
from nrms_torch.tracking.registry import register
from nrms_torch.training.run_folder import RunFolder


def main(config: DictConfig) -> None:
    """Log the bundle to the W&B run that trained it, and link it into a collection."""
    if not isinstance(config.aliases, ListConfig):  # a string would be one alias a letter
        raise InputError(f"aliases: expected a list such as [staging], found {config.aliases!r}")
    run = RunFolder.open(str(config.run))
    linked = register(
        run,
        Path(str(config.bundle)) if config.bundle else run.path / "bundle",
        registry=config.registry,
        collection=config.collection,
        aliases=config.aliases,
    )
    print(f"linked as {linked}")
