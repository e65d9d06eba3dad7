"""A run folder is shown to others, so no secret may be in what it keeps."""

import re

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


def _search(node: DictConfig | ListConfig, place: str) -> None:
    keys = range(len(node)) if isinstance(node, ListConfig) else list(node)
    for key in keys:
        name = f"{place}{key}"
        if OmegaConf.is_interpolation(node, key) or OmegaConf.is_missing(node, key):
            continue
        value = node[key]
        if isinstance(value, DictConfig | ListConfig):
            _search(value, f"{name}.")
        elif isinstance(value, str) and (
            _SECRET_NAME.search(str(key)) or _SECRET_IN_URL.search(value)
        ):
            raise InputError(
                f"{name}: holds a secret, which the run folder would keep; expected it in an "
                "environment variable, or as ${oc.env:NAME}"
            )
