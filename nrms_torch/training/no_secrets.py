"""A run folder is shown to others, so no secret may be in what it keeps."""

import re
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from nrms_torch.errors import InputError

_SECRET_NAME = re.compile(r"(^|_)(api_?key|secret|token|password|passwd|credentials?)$", re.I)
_SECRET_IN_URL = re.compile(r"://[^/@\s]*:[^/@\s]+@")


def refuse_secrets(config: DictConfig) -> None:
    """Raise InputError for a field that holds a secret, which config.yaml would keep.

    One that names where the secret is to be found, such as `${oc.env:WANDB_API_KEY}`, is kept as
    it is written, and resolved anew.
    """
    _search(config, "")


def resolve_without_secrets(config: DictConfig) -> Any:
    """Resolve a configuration into plain containers, but for secrets, which stay as written."""
    resolved = OmegaConf.to_container(config, resolve=True)
    return _as_written(resolved, OmegaConf.to_container(config, resolve=False))


def _as_written(value: Any, written: Any, name: str = "") -> Any:
    """Give `value` with each secret in it as `written` has it, an interpolation."""
    if isinstance(value, dict):
        # What stands for a whole section has no fields of its own to show.
        fields = written if isinstance(written, dict) else dict.fromkeys(value, written)
        return {key: _as_written(each, fields[key], str(key)) for key, each in value.items()}
    if isinstance(value, list):
        entries = written if isinstance(written, list) else [written] * len(value)
        return [_as_written(*each, name) for each in zip(value, entries, strict=True)]
    return written if _is_secret(name, value) else value


def _is_secret(name: str, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    return bool(_SECRET_NAME.search(name) or _SECRET_IN_URL.search(value))


def _search(node: DictConfig | ListConfig, place: str) -> None:
    keys = range(len(node)) if isinstance(node, ListConfig) else list(node)
    for key in keys:
        name = f"{place}{key}"
        if OmegaConf.is_interpolation(node, key) or OmegaConf.is_missing(node, key):
            continue
        value = node[key]
        if isinstance(value, DictConfig | ListConfig):
            _search(value, f"{name}.")
        elif _is_secret(str(key), value):
            raise InputError(
                f"{name}: holds a secret, which the run folder would keep; expected it in an "
                "environment variable, or as ${oc.env:NAME}"
            )
