"""How to measure, as a configuration says it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, ListConfig, OmegaConf

from nrms_tf_reference.parity.live_reference import require_tensorflow
from nrms_torch.errors import InputError
from nrms_torch.fields import require_integer, require_number
from nrms_torch.training.variants import resolve_variant

# Cases that have a side of TensorFlow's.
_WITH_REFERENCE = ("train", "evaluate")
_ALONE = ("encoder", "ddp", "prepare", "metrics")
_SECTIONS = ("data", "model", "training", "trainer", "seed")


@dataclass(frozen=True)
class Settings:
    """How to measure: `rounds` turns of each side, each of ours of at least `seconds`.

    `config` is that of a training, as plain values; `batches` are rows a step, `impressions` the
    sizes of generated data to prepare.
    """

    config: dict[str, Any]
    batches: tuple[int, ...]
    impressions: tuple[int, ...]
    rounds: int
    seconds: float
    reference: bool
    threads: int

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.config["model"]["name"])

    def with_batch(self, batch: int, **model: Any) -> "Settings":
        """Give the same with another batch size, and other hyper-parameters."""
        return self._with(data={"batch_size": batch}, model=model)

    def with_processes(self, processes: int) -> "Settings":
        """Give the same on the CPU with so many processes."""
        strategy = "ddp" if processes > 1 else "auto"
        return self._with(
            trainer={"accelerator": "cpu", "devices": processes, "strategy": strategy}
        )

    def _with(self, **sections: dict[str, Any]) -> "Settings":
        changed = {name: self.config[name] | fields for name, fields in sections.items()}
        return replace(self, config=self.config | changed)


def read_settings(config: DictConfig) -> Settings:
    """Check the benchmark's own fields; InputError names a wrong one, or says what is missing."""
    cases = (*_WITH_REFERENCE, *_ALONE)
    if config.case not in cases:
        raise InputError(f"case: {config.case!r} is none of {', '.join(cases)}")
    if not isinstance(config.reference, bool):
        raise InputError(f"reference: expected true or false, found {config.reference!r}")
    if config.reference and config.case in _WITH_REFERENCE:
        require_tensorflow()
    require_integer("rounds", config.rounds, 1)
    require_number("seconds", config.seconds, least=0)
    threads = torch.get_num_threads() if config.threads is None else config.threads
    require_integer("threads", threads, 1)
    resolve_variant(config)
    plain = OmegaConf.to_container(
        OmegaConf.create({name: config[name] for name in _SECTIONS}), resolve=True
    )
    assert isinstance(plain, dict)
    if (Path(str(config.data.path)) / "train").is_dir():
        plain["data"]["generate"] = None  # the user's own data, or generated before
    return Settings(
        config={str(name): section for name, section in plain.items()},
        batches=_integers("batch", config.batch, 1),
        impressions=_integers("impressions", config.impressions, 100),
        rounds=config.rounds,
        seconds=config.seconds,
        reference=config.reference,
        threads=threads,
    )


def _integers(field: str, value: object, least: int) -> tuple[int, ...]:
    values: Sequence[Any] = list(value) if isinstance(value, ListConfig) else [value]
    if not values:
        raise InputError(f"{field}: expected an integer of at least {least}, or a list of them")
    for one in values:
        require_integer(field, one, least)
    return tuple(values)
