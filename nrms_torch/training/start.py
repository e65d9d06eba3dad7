"""Where a run begins: a new folder, or one that it resumes."""

import os
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from nrms_torch.errors import InputError
from nrms_torch.ranks import is_rank_zero
from nrms_torch.training.run_folder import RunFolder

# Tells the processes that a DDP launch starts how rank 0 has named a run without a name.
_RUN_OF_LAUNCH = "NRMS_TORCH_RUN"
# What a resumed run shares with the one it goes on, and the fields of it that change no number.
_FIXED = ("data", "model", "training", "seed")
_FREE_FIELDS = ("path", "vectors", "transformer", "num_workers", "cache", "generate")


def choose_run(config: DictConfig, overrides: Iterable[str]) -> tuple[RunFolder, DictConfig]:
    """Choose the run folder that `config` asks for, or take up the one it resumes.

    A resumed run goes on with its own configuration where `overrides`, the user's, say nothing.
    Nothing is written yet; the processes that rank 0 launches will find the same folder. Raises
    InputError for a folder in use, for one that cannot be resumed, and for a launch whose ranks
    would not agree on a name.
    """
    if config.resume:
        run = RunFolder.open(str(config.resume))
        return run, _resumed(config, run, overrides)
    run = RunFolder(Path(str(config.run or _fresh_name(config))))
    if is_rank_zero() and run.path.exists() and not _is_empty(run.path):
        raise InputError(
            f"run: {run.path} is not empty; name another folder, or resume={run.path} to go on"
        )
    config.run = str(run.path)
    return run, config


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _fresh_name(config: DictConfig) -> str:
    if not is_rank_zero() and _RUN_OF_LAUNCH in os.environ:
        return os.environ[_RUN_OF_LAUNCH]
    if "TORCHELASTIC_RUN_ID" in os.environ or "SLURM_PROCID" in os.environ:
        raise InputError("run: under torchrun or SLURM name it, run=FOLDER, so that ranks agree")
    name = f"runs/{datetime.now():%Y-%m-%d_%H-%M-%S}-{config.model.name}"
    if Path(name).exists():
        name = f"{name}-{os.getpid()}"
    os.environ[_RUN_OF_LAUNCH] = name
    return name


def _resumed(config: DictConfig, run: RunFolder, overrides: Iterable[str]) -> DictConfig:
    if config.run and Path(str(config.run)) != run.path:
        raise InputError(f"run: {config.run} differs from resume={run.path}; expected one of them")
    config.run = str(run.path)
    before = run.config()
    touched = {re.split(r"[=./@]", override.lstrip("+~"))[0] for override in overrides}
    for section in config:
        if section not in touched and "experiment" not in touched and section != "resume":
            config[section] = before[section]
    for section in _FIXED:
        _check_same(str(section), config, before, run)
    return config


def _check_same(section: str, config: DictConfig, before: DictConfig, run: RunFolder) -> None:
    now, then = (OmegaConf.to_container(each, resolve=True) for each in (config, before))
    assert isinstance(now, dict)
    assert isinstance(then, dict)
    if not isinstance(now[section], dict):
        now, then = {section: {section: now[section]}}, {section: {section: then[section]}}
    for field in sorted(now[section].keys() | then[section].keys()):
        found, expected = now[section].get(field), then[section].get(field)
        if found != expected and not (section == "data" and field in _FREE_FIELDS):
            raise InputError(
                f"{section}.{field}: {found!r} differs from {expected!r} in {run.config_file}; "
                "a run resumes with what it began"
            )
