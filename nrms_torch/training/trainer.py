"""The Lightning Trainer of a configuration."""

from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from nrms_torch.errors import InputError
from nrms_torch.fields import require_integer
from nrms_torch.training.callbacks import StopAfterSteps
from nrms_torch.training.checkpoints import AtomicCheckpointIO
from nrms_torch.training.memory import keep_freed_memory
from nrms_torch.training.profiling import make_profiler
from nrms_torch.training.progress import Bar, quieten_lightning

# Metrics and article vectors are kept in full precision; these leave weights and data so too.
_PRECISIONS = ("32-true", "32", 32, "bf16-mixed", "16-mixed")


def make_trainer(config: DictConfig, **parts: Any) -> L.Trainer:
    """Make the Trainer of a `trainer` section; InputError for what it cannot be.

    `accelerator: auto` is CUDA or the CPU: metrics are sums in float64, which Apple's MPS lacks.
    """
    if config.precision not in _PRECISIONS:
        raise InputError(
            f"trainer.precision: {config.precision!r} is none of 32-true, bf16-mixed, 16-mixed"
        )
    if config.max_epochs is not None:
        require_integer("trainer.max_epochs", config.max_epochs, -1)
    quieten_lightning()
    keep_freed_memory()
    section = config.copy()
    if section.accelerator == "auto":
        section.accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    steps = section.get("max_steps", -1)
    if steps != -1:
        section.max_steps, section.max_epochs = -1, section.get("max_epochs") or -1
        parts["callbacks"] = [*parts.get("callbacks", []), StopAfterSteps(steps)]
    profiler = make_profiler(section.profiler, Path(parts.get("default_root_dir") or "."))
    trainer = instantiate(section, plugins=[AtomicCheckpointIO()], profiler=profiler, **parts)
    assert isinstance(trainer, L.Trainer)
    return trainer


def make_scoring_trainer(config: DictConfig, run_folder: Path, *callbacks: L.Callback) -> L.Trainer:
    """Make the Trainer of a `trainer` section for evaluation or prediction of a run.

    It keeps no files, but for the profile that `trainer.profiler` asks for.
    """
    return make_trainer(
        config,
        callbacks=[Bar(), *callbacks],
        logger=False,
        enable_checkpointing=False,
        default_root_dir=run_folder,
    )
