"""What loggers are told of a run beside its metrics."""

from collections.abc import Iterable
from typing import Any

from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf

import nrms_torch
from nrms_torch.data.datamodule import NewsDataModule


def describe(loggers: Iterable[Logger], config: DictConfig, datamodule: NewsDataModule) -> None:
    """Tell each logger the configuration, the version of the code, and fingerprints of the splits.

    The commit, and what differs from it, are W&B's own doing.
    """
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    content: dict[str, Any] = {
        **{str(name): section for name, section in settings.items()},
        "nrms_torch": nrms_torch.__version__,
        "data_fingerprint": {
            split: datamodule.impressions(split).fingerprint for split in ("train", "validation")
        },
    }
    for logger in loggers:
        logger.log_hyperparams(content)
