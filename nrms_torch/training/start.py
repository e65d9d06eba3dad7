"""Where a run begins: a new folder, one that it resumes, or another run that it repeats."""

import os
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf, open_dict

from nrms_torch.data.vocabulary import Vocabulary
from nrms_torch.errors import InputError
from nrms_torch.training.no_secrets import refuse_secrets
from nrms_torch.training.processes import is_process_zero
from nrms_torch.training.run_folder import RunFolder
from nrms_torch.training.variants import resolve_variant

# Tells the processes that a DDP launch starts how rank 0 has named a run without a name.
_RUN_OF_LAUNCH = "NRMS_TORCH_RUN"
# What a resumed run shares with the one it goes on, and the fields of it that change no number.
_FIXED = ("data", "model", "training", "seed")
_GONE = object()  # of a field that is not there
_FREE_FIELDS = (
    *("path", "vectors", "transformer", "num_workers", "cache", "generate"),
    "unknown_share",
)
_FREE_SETTINGS = {f"data.{field}" for field in _FREE_FIELDS}


class Start(NamedTuple):
    """A run's folder and configuration, and the run that it resumes or repeats, if any."""

    run: RunFolder
    config: DictConfig
    before: RunFolder | None

    def vocabulary(self) -> Vocabulary | None:
        """Read the vocabulary to train with, None where there is none yet.

        Rank 0 has written it when it starts the others.
        """
        found = self.run.vocabulary()
        return self.before.vocabulary() if found is None and self.before else found


def choose_run(config: DictConfig, overrides: Iterable[str]) -> Start:
    """Choose the run folder that `config` asks for, or take up the one it resumes.

    A resumed run goes on with its own configuration where `overrides`, the user's, say nothing; a
    repeated one leaves them nothing to say but where things lie. Nothing is written yet; the
    processes that rank 0 launches will find the same folder. Raises InputError for a folder in use,
    for one that cannot be resumed or repeated, for a secret in the configuration, and for a launch
    whose ranks would not agree on a name.
    """
    refuse_secrets(config)
    if config.resume and config.repeat:
        raise InputError("repeat: a run is repeated or, with resume, goes on; expected one of them")
    if config.resume:
        before = RunFolder.open(str(config.resume))
        return Start(before, _resumed(config, before, overrides), before)
    resolve_variant(config)
    repeated = None
    if config.repeat:
        repeated = RunFolder.open(str(config.repeat))
        if not repeated.last_checkpoint.is_file():
            raise InputError(
                f"repeat: {repeated.path} has no {repeated.last_checkpoint.name} to be compared "
                "with; expected a run that has trained"
            )
        config = _repeated(config, repeated, overrides)
    run = RunFolder(Path(str(config.run or _fresh_name(config))))
    if is_process_zero() and run.path.exists() and not run.is_still_empty():
        raise InputError(
            f"run: {run.path} is not empty; name another folder, or resume={run.path} to go on"
        )
    config.run = str(run.path)
    return Start(run, config, repeated)


def _fresh_name(config: DictConfig) -> str:
    if not is_process_zero() and _RUN_OF_LAUNCH in os.environ:
        return os.environ[_RUN_OF_LAUNCH]
    if "TORCHELASTIC_RUN_ID" in os.environ or "SLURM_PROCID" in os.environ:
        raise InputError("run: under torchrun or SLURM name it, run=FOLDER, so that ranks agree")
    name = f"runs/{datetime.now():%Y-%m-%d_%H-%M-%S}-{config.model.name}"
    if Path(name).exists():
        name = f"{name}-{os.getpid()}"
    os.environ[_RUN_OF_LAUNCH] = name
    return name


def _repeated(config: DictConfig, before: RunFolder, overrides: Iterable[str]) -> DictConfig:
    """Give the configuration of a run that is repeated, with `overrides` of where things lie."""
    repeated = before.config()
    with open_dict(repeated):
        repeated.run, repeated.repeat, repeated.resume = config.run, config.repeat, None
        for name in map(_overridden, overrides):
            section, _, field = name.partition(".")
            if section == "logger":
                repeated.logger = config.logger
            elif section == "data" and field in _FREE_FIELDS:
                repeated.data[field] = config.data[field]
            elif name not in ("run", "repeat"):
                raise InputError(
                    f"{name}: a repeated run has the configuration of {before.config_file}; "
                    f"expected no more than run, logger, and of data {', '.join(_FREE_FIELDS)}"
                )
    return repeated


def _overridden(override: str) -> str:
    """Give the field or the group that an override of Hydra's names."""
    return re.split(r"[=@]", override.lstrip("+~"))[0]


def _resumed(config: DictConfig, run: RunFolder, overrides: Iterable[str]) -> DictConfig:
    if config.run and Path(str(config.run)) != run.path:
        raise InputError(f"run: {config.run} differs from resume={run.path}; expected one of them")
    config.run = str(run.path)
    before = run.config()
    names = [_overridden(override) for override in overrides]
    whole = {name.partition("/")[0] for name in names if "." not in name}
    for section in map(str, config):
        if section in before and section not in whole | {"resume"} and "experiment" not in whole:
            typed = [name for name in names if name.startswith(f"{section}.")]
            config[section] = _with_typed(before, section, config, typed)
    resolve_variant(config)
    for section in _FIXED:
        _check_same(section, config, before, run)
    return config


def _with_typed(
    before: DictConfig, section: str, config: DictConfig, names: Iterable[str]
) -> object:
    """Give a section as a run began it, but for the fields that the user has named now."""
    kept = OmegaConf.create({section: before[section]})
    for name in names:
        parent, _, field = name.rpartition(".")
        value = OmegaConf.select(config, name, default=_GONE)
        if value is not _GONE:
            OmegaConf.update(kept, name, value, merge=False, force_add=True)
        elif (there := OmegaConf.select(kept, parent)) is not None:
            there.pop(field, None)
    return kept[section]


def _check_same(section: str, config: DictConfig, before: DictConfig, run: RunFolder) -> None:
    now, then = _fields(section, config), _fields(section, before)
    for name in sorted(now.keys() | then.keys()):
        found, expected = now.get(name), then.get(name)
        if found != expected and name not in _FREE_SETTINGS:
            raise InputError(
                f"{name}: {found!r} differs from {expected!r} in {run.config_file}; "
                "a run resumes with what it began"
            )


def _fields(section: str, config: DictConfig) -> dict[str, Any]:
    """Give a section's values by their full names; a section may be a setting of its own."""
    resolved = OmegaConf.to_container(config, resolve=True)
    assert isinstance(resolved, dict)
    values = resolved[section]
    if not isinstance(values, dict):
        return {section: values}
    return {f"{section}.{field}": value for field, value in values.items()}
