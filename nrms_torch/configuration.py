"""Compose a command's configuration of its YAML files and the user's words, `name=value` each."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, OverrideParseException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import MISSING, DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from nrms_torch.errors import InputError, first_line, nearest

# `${variable:NAME,default}`: an environment variable where it is set, and not to nothing.
OmegaConf.register_new_resolver(
    "variable", lambda name, default: os.environ.get(name) or default, replace=True
)
# What a broken file of a user's, or a value of another type, is told by.
_MISTAKES = (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError, IndexError)
_PACKAGE = Path(__file__).parent
# The configuration is shipped inside the package; a checkout has it beside the package, once.
CONFIGS = _PACKAGE / "configs"
if not CONFIGS.is_dir():
    CONFIGS = _PACKAGE.parent / "configs"


def compose(
    name: str,
    words: Iterable[str] = (),
    *,
    config_dir: str | Path | None = None,
    complete: bool = True,
) -> DictConfig:
    """Compose configuration `name` and the settings in `words`, such as `trainer.devices=4`.

    A folder `config_dir` is laid over our own: its files come first, and it may add to a group. A
    value that Hydra's grammar cannot read is taken as it stands, so that a path needs no quotes.
    Raises InputError for a setting that there is not, naming the nearest, and, where it is to be
    `complete`, for a missing value.
    """
    folders = _folders(config_dir)
    overrides = [_parsed(word) for word in words]
    of_groups = [override for override in overrides if _is_group(override, folders)]
    # A group that is told null, or is taken away, is a section without anything in it.
    without = [o.key_or_group for o in of_groups if o.is_delete() or o.value() is None]
    texts = [
        f"~{o.key_or_group}" if o.key_or_group in without else o.input_line or "" for o in overrides
    ]
    with _laid_over(folders), initialize_config_dir(str(CONFIGS), version_base="1.3"):
        try:
            known = hydra_compose(
                name, [text for text, o in zip(texts, overrides, strict=True) if o in of_groups]
            )
        except _MISTAKES as error:
            _require_choices(of_groups, config_dir)
            raise InputError(_first_sentence(error)) from error
        _require_known(overrides, known, folders, name)
        try:
            config = hydra_compose(name, texts)
        except _MISTAKES as error:
            raise InputError(_first_sentence(error)) from error
    with open_dict(config):
        for group in without:
            config[group] = {}
    missing = [key for key, value in settings(config).items() if value == MISSING]
    if missing and complete:
        raise InputError(f"{missing[0]}: missing; expected {missing[0]}=…")
    return config


def quoted(value: str) -> str:
    """Put a text into quotes for Hydra's grammar."""
    # A backslash before a quote, or at the end, would be read with it.
    escaped = re.sub(r"(\\+)(?='|$)", r"\1\1", value)
    return "'" + escaped.replace("'", r"\'") + "'"


def choices(group: str, config_dir: str | Path | None = None) -> list[str]:
    """List the files of a group, such as `data`, without their ending."""
    found = {file.stem for folder in _folders(config_dir) for file in (folder / group).glob("*.y*")}
    return sorted(found)


def groups(config_dir: str | Path | None = None) -> list[str]:
    """List the groups that there are."""
    return sorted(
        {path.name for f in _folders(config_dir) for path in f.iterdir() if path.is_dir()}
    )


def settings(config: DictConfig, prefix: str = "") -> dict[str, Any]:
    """Flatten a configuration into dotted names and values; what has no value yet is MISSING."""
    flat: dict[str, Any] = {}
    for key in map(str, config):
        try:
            value = config[key]
        except OmegaConfBaseException:
            value = MISSING
        if isinstance(value, DictConfig):
            flat |= settings(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def plain(section: DictConfig) -> dict[str, Any]:
    """Give a configuration's section, resolved, as a plain dictionary."""
    values = OmegaConf.to_container(section, resolve=True)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


class _UsersFolder(SearchPathPlugin):
    """Has Hydra look into the user's folder before our own."""

    folder: Path | None = None

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Put the folder first."""
        if self.folder is not None:
            search_path.prepend("user", f"file://{self.folder}")


@contextmanager
def _laid_over(folders: Sequence[Path]) -> Iterator[None]:
    Plugins.instance().register(_UsersFolder)
    _UsersFolder.folder = folders[0] if len(folders) > 1 else None
    try:
        yield
    finally:
        _UsersFolder.folder = None


def _folders(config_dir: str | Path | None) -> list[Path]:
    if config_dir is None:
        return [CONFIGS]
    folder = Path(config_dir).resolve()
    if not folder.is_dir():
        raise InputError(f"--config-dir: {config_dir} is no folder")
    return [folder, CONFIGS]


def _parsed(word: str) -> Override:
    """Parse a word of Hydra's grammar, or quote its value; InputError where it is no setting."""
    parser = OverridesParser.create()
    name, equals, value = word.partition("=")
    if equals and not name:
        raise InputError(f"{word!r}: expected a setting, name=value")
    try:
        override = parser.parse_override(word)
        if not override.is_sweep_override():
            return override
    except (OverrideParseException, HydraException):
        if not equals:
            raise InputError(f"{word!r}: expected a setting, name=value") from None
    try:
        return parser.parse_override(f"{name}={quoted(value)}")
    except (OverrideParseException, HydraException):
        raise InputError(f"{word!r}: expected a setting, name=value") from None


def _is_group(override: Override, folders: Sequence[Path]) -> bool:
    name = str(override.key_or_group)
    is_name = re.fullmatch(r"\w+", name) is not None
    return is_name and any((folder / name).is_dir() for folder in folders)


def _require_choices(overrides: Sequence[Override], config_dir: str | Path | None) -> None:
    """Raise InputError for a choice that a group does not have."""
    for override in overrides:
        group, chosen = str(override.key_or_group), override.value()
        known = choices(group, config_dir)
        for choice in chosen if isinstance(chosen, list) else [chosen]:
            if choice not in known:
                raise InputError(
                    f"{group}: {choice!r} is none of {', '.join(known)}"
                    f"{nearest(str(choice), known)}"
                )


def _require_known(
    overrides: Sequence[Override], config: DictConfig, folders: Sequence[Path], name: str
) -> None:
    """Raise InputError, naming the nearest, for a setting that the configuration has not."""
    flat = settings(config)
    sections = {name.rsplit(".", number)[0] for name in flat for number in range(1, 4)}
    known = flat.keys() | sections
    for override in overrides:
        key = str(override.key_or_group)
        # What is added to a section is for the section to judge; nothing reads what is beside one.
        is_new = (override.is_add() or override.is_force_add()) and "." in key
        if is_new or _is_group(override, folders) or key in known:
            continue
        if any(flat.get(key.rsplit(".", number)[0], ...) is None for number in range(1, 4)):
            raise InputError(f"{key}: there is no {key.rsplit('.', 1)[0]} to set it in")
        raise InputError(
            f"{key}: {name.replace('_', ' ')} has no such setting{nearest(key, known)}"
        )


def _first_sentence(error: Exception) -> str:
    """Give what an error of Hydra's says, without its advice to programmers."""
    where = f"{error.problem_mark}: ".lstrip() if isinstance(error, yaml.MarkedYAMLError) else ""
    return where + first_line(error).removeprefix("Error merging override ").strip()
