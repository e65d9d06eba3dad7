"""What loggers are told of a run beside its metrics."""

from collections.abc import Iterable, Mapping
from typing import Any

from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig

from nrms_torch.training.no_secrets import resolve_without_secrets


def describe(loggers: Iterable[Logger], config: DictConfig, origin: Mapping[str, Any]) -> None:
    """Tell each logger the configuration, the code's version and hash, and the hashes of its data.

    `origin` is what `check_origin` tells, which rank 0 alone has. The commit, and what differs from
    it, are W&B's own doing.
    """
    settings = resolve_without_secrets(config)
    content: dict[str, Any] = {
        **{str(name): section for name, section in settings.items()},
        "nrms_torch": origin["code"]["version"],
        "code_fingerprint": origin["code"]["source"],
        "data_fingerprint": origin["data"],
    }
    for logger in loggers:
        logger.log_hyperparams(content)
