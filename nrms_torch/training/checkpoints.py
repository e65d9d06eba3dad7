"""Checkpoints: written whole or not at all, and read only where they are as they were written."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from torch import nn

from nrms_torch.errors import InputError, first_line
from nrms_torch.training.run_folder import RunFolder

_PARTS = ("state_dict", "epoch", "global_step")


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it: a crash leaves the one before.

    Lightning's own goes through the system's temporary folder, which may be another file system.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Save `checkpoint` at `path`, whole or not at all; InputError where there is no room."""
        part = Path(f"{path}.part")  # what a killed process leaves of it the next one replaces
        try:
            super().save_checkpoint(checkpoint, part, storage_options)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint, as `read_checkpoint` does."""
        return read_checkpoint(Path(path))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU.

    Raises InputError where it is damaged, in whatever byte, or is no checkpoint.
    """
    try:
        with path.open("rb") as file:  # once, so that what is checked is what is read
            _require_whole(file)
            file.seek(0)
            found = torch.load(file, map_location="cpu", weights_only=True)
        missing = [part for part in _PARTS if part not in found]
    except MemoryError:
        raise
    except Exception as error:  # bytes that are not torch's can have it raise anything
        raise InputError(f"{path}: damaged, or of another version: {first_line(error)}") from error
    if missing:
        raise InputError(f"{path}: no checkpoint of a run: has no {missing[0]}")
    return dict(found)


def require_resumable(run: RunFolder, module: nn.Module) -> None:
    """Raise InputError where a run's checkpoints cannot be gone on from with `module`.

    Before there is one nothing is asked.
    """
    if (last := run.resume_from()) is None:
        return
    found = read_checkpoint(last)
    now, then = _shapes(module.state_dict()), _shapes(found["state_dict"])
    if other := sorted(name for name in now.keys() | then if now.get(name) != then.get(name)):
        raise InputError(
            f"{last}: its {other[0]} is not of the model of {run.config_file}; expected the "
            "checkpoint of this run"
        )
    if run.best_checkpoint.is_file():
        read_checkpoint(run.best_checkpoint)
    elif any(_knows(state, run.best_checkpoint) for state in found.get("callbacks", {}).values()):
        raise InputError(
            f"{run.best_checkpoint}: no such file, but {last.name} was written after it; expected "
            "both, as training left them"
        )


def _require_whole(file: BinaryIO) -> None:
    """Check every part of a checkpoint by its CRC32, which torch writes and does not ask for."""
    with zipfile.ZipFile(file) as archive:
        if damaged := archive.testzip():
            raise ValueError(f"{damaged} is not as it was written")


def _shapes(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in weights.items()}


def _knows(state: dict[str, Any], checkpoint: Path) -> bool:
    return Path(state.get("best_model_path") or "").name == checkpoint.name
