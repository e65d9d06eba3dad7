"""Hyper-parameters under the baseline's own names, with its defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

# A recording's `config` tells these beside the hyper-parameters; no model depends on them.
_ABOUT_THE_RECORDING = {"seed", "tensorflow", "keras"}


@dataclass(frozen=True)
class HyperParameters:
    """What defines a baseline model and its training; the defaults are those of NRMS.

    `title_size` is the number of tokens of a title (T), or the width of a document vector (W).
    Only NRMS has `vocab_size` (V) and `word_emb_dim` (E).
    """

    model: str = "nrms"
    title_size: int = 30
    history_size: int = 20
    head_num: int = 20
    head_dim: int = 20
    attention_hidden_dim: int = 200
    dropout: float = 0.2
    newsencoder_units_per_layer: tuple[int, ...] = ()
    newsencoder_l2_regularization: float = 1e-4
    optimizer: str = "adam"
    loss: str = "cross_entropy_loss"
    learning_rate: float = 1e-4
    vocab_size: int | None = None
    word_emb_dim: int | None = None

    @property
    def vector_size(self) -> int:
        """Width of news and user vectors: D = head_num · head_dim."""
        return self.head_num * self.head_dim


_DEFAULTS: dict[str, dict[str, Any]] = {
    "nrms": {},
    "docvec": {
        "title_size": 768,
        "head_num": 16,
        "head_dim": 16,
        "newsencoder_units_per_layer": (512, 512, 512),
    },
}


def from_config(config: Mapping[str, Any]) -> HyperParameters:
    """Read a plain mapping such as a recording's `config`; what it leaves out has its default.

    Raises:
        ValueError: a name that is none of ours, or a value that the baseline does not have.
    """
    names = {field.name for field in fields(HyperParameters)}
    if unknown := config.keys() - names - _ABOUT_THE_RECORDING:
        raise ValueError(f"unknown hyper-parameters {sorted(unknown)}; known are {sorted(names)}")
    model = config.get("model", "nrms")
    if model not in _DEFAULTS:
        raise ValueError(f"model is {model!r}; expected one of {sorted(_DEFAULTS)}")
    given = {name: value for name, value in config.items() if name in names}
    values = _DEFAULTS[model] | given
    values["newsencoder_units_per_layer"] = tuple(values.get("newsencoder_units_per_layer") or ())
    hyper_parameters = HyperParameters(**values)
    if hyper_parameters.optimizer != "adam":
        raise ValueError(f"optimizer is {hyper_parameters.optimizer!r}; expected 'adam'")
    units = hyper_parameters.newsencoder_units_per_layer
    if model == "nrms" and units and units[-1] != hyper_parameters.vector_size:
        raise ValueError(
            f"newsencoder_units_per_layer ends with {units[-1]}; "
            f"expected head_num * head_dim = {hyper_parameters.vector_size}"
        )
    return hyper_parameters
