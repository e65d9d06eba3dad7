"""A run is a folder: its configuration, vocabulary, checkpoints, metrics and learning curve."""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from nrms_torch.data.vocabulary import Vocabulary
from nrms_torch.errors import InputError
from nrms_torch.ranks import is_rank_zero

# Tells the processes that a DDP launch starts which folder rank 0 has made.
_RUN_OF_LAUNCH = "NRMS_TORCH_RUN"
# What a resumed run must share with the one it goes on; the rest may change.
_FIXED = ("data", "model", "training", "seed")


@dataclass(frozen=True)
class RunFolder:
    """The places in a run folder."""

    path: Path

    @property
    def config_file(self) -> Path:
        """The resolved configuration, as YAML."""
        return self.path / "config.yaml"

    @property
    def best_checkpoint(self) -> Path:
        """The checkpoint with the best validation AUC."""
        return self.path / "checkpoints" / "best.ckpt"

    @property
    def last_checkpoint(self) -> Path:
        """The newest checkpoint, from which a run resumes."""
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def metrics_file(self) -> Path:
        """The newest evaluation, as flat JSON."""
        return self.path / "metrics.json"

    @property
    def vocabulary_folder(self) -> Path:
        """The tokenizer and the tokens kept of it; absent for document vectors."""
        return self.path / "vocabulary"

    @classmethod
    def open(cls, path: str) -> "RunFolder":
        """Open an existing run; InputError where the folder is none."""
        run = cls(Path(path))
        if not run.config_file.is_file():
            raise InputError(f"run: {path} is no run folder; expected one with a config.yaml")
        return run

    def config(self) -> DictConfig:
        """Read the run's configuration."""
        config = OmegaConf.load(self.config_file)
        assert isinstance(config, DictConfig)
        return config

    def vocabulary(self) -> Vocabulary | None:
        """Read the run's vocabulary, None for document vectors."""
        if not self.vocabulary_folder.is_dir():
            return None
        return Vocabulary.load(self.vocabulary_folder)

    def begin(self, config: DictConfig, vocabulary: Vocabulary | None) -> None:
        """Write what a run starts from, once all of it is known to be sound; rank 0 alone does."""
        if not is_rank_zero():
            return
        self.path.mkdir(parents=True, exist_ok=True)
        if vocabulary is not None:
            vocabulary.save(self.vocabulary_folder)
        OmegaConf.save(_as_saved(config), self.config_file)

    def write_metrics(self, metrics: dict[str, Any], file: Path | None = None) -> Path:
        """Write metrics as JSON to `file`, by default the run's metrics.json."""
        file = file or self.metrics_file
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        temporary.write_text(json.dumps(metrics, indent=2) + "\n")
        temporary.replace(file)
        return file


def choose_run(config: DictConfig) -> RunFolder:
    """Choose the run folder that `config` asks for, or take up the one it resumes.

    Nothing is written yet; the processes that rank 0 launches will find the same folder. Raises
    InputError for a folder in use, for one that cannot be resumed, and for a launch whose ranks
    would not agree on a name.
    """
    if config.resume:
        run = RunFolder.open(config.resume)
        _check_same(config, run)
        return run
    if not is_rank_zero():
        return RunFolder(Path(os.environ.get(_RUN_OF_LAUNCH) or config.run or _fresh_name(config)))
    run = RunFolder(Path(config.run or _fresh_name(config)))
    if run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
        raise InputError(
            f"run: {run.path} is not empty; name another folder, or resume={run.path} to go on"
        )
    os.environ[_RUN_OF_LAUNCH] = str(run.path)
    return run


def _fresh_name(config: DictConfig) -> str:
    if "TORCHELASTIC_RUN_ID" in os.environ or "SLURM_PROCID" in os.environ:
        raise InputError("run: under torchrun or SLURM name it, run=FOLDER, so that ranks agree")
    name = f"runs/{datetime.now():%Y-%m-%d_%H-%M-%S}-{config.model.name}"
    return name if not Path(name).exists() else f"{name}-{os.getpid()}"


def _as_saved(config: DictConfig) -> DictConfig:
    saved = OmegaConf.create(OmegaConf.to_container(config, resolve=True))
    assert isinstance(saved, DictConfig)
    return saved


def _check_same(config: DictConfig, run: RunFolder) -> None:
    now, before = _as_saved(config), run.config()
    if config.run and Path(config.run) != run.path:
        raise InputError(f"run: {config.run} differs from resume={run.path}; expected one of them")
    for section in _FIXED:
        if now[section] != before[section]:
            raise InputError(
                f"{section}: {now[section]} differs from {run.config_file}, which has "
                f"{before[section]}; a run resumes with what it began"
            )
