"""A W&B sweep file as Optuna's search space."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from nrms_torch.errors import InputError
from nrms_torch.fields import require_integer

_METHODS = ("grid", "random", "bayes")
_GOALS = ("maximize", "minimize")
_NUMBER = int | float


@dataclass(frozen=True)
class Sweep:
    """What to try: `space` by the settings' names, `constants` beside them, and how it is judged.

    `min_epochs` is after how many measurements all but the best of `eta` are stopped, for the first
    time; None where none is.
    """

    method: str
    metric: str
    goal: str
    space: dict[str, BaseDistribution]
    constants: dict[str, str]
    min_epochs: int | None
    eta: int

    @classmethod
    def read(cls, path: Path) -> "Sweep":
        """Read a sweep file; InputError names a field that it lacks, or that is not known here."""
        content = _load(path)
        method = _one_of(path, "method", content.get("method"), _METHODS)
        metric, parameters = (_mapping(path, name, content) for name in ("metric", "parameters"))
        goal = _one_of(path, "metric.goal", metric.get("goal"), _GOALS)
        if not isinstance(metric.get("name"), str):
            raise InputError(f"{path}: metric.name: missing; expected one such as val/auc")
        for name in parameters:
            _mapping(path, name, parameters)
        constants = {name: override(p["value"]) for name, p in parameters.items() if "value" in p}
        space = {
            name: _distribution(path, name, parameter)
            for name, parameter in parameters.items()
            if name not in constants
        }
        if not space:
            raise InputError(f"{path}: parameters: none has more than one value")
        if method == "grid":
            for name, kind in space.items():
                if not isinstance(kind, CategoricalDistribution):
                    raise InputError(f"{path}: parameters.{name}: a grid is of `values` alone")
        return cls(method, metric["name"], goal, space, constants, *_early_end(path, content))

    def points(self) -> list[dict[str, Any]]:
        """Give all points of a grid, the last parameter turning fastest."""
        choices = [kind.choices for kind in self.space.values()]  # type: ignore[attr-defined]
        return [dict(zip(self.space, point, strict=True)) for point in itertools.product(*choices)]

    def contains(self, point: Mapping[str, Any]) -> bool:
        """Tell whether a point lies within the space."""
        try:
            return all(
                kind._contains(kind.to_internal_repr(point[name]))
                for name, kind in self.space.items()
            )
        except (ValueError, TypeError):
            return False


def override(value: Any) -> str:
    """Write a setting's value as Hydra reads it, and as W&B's agent does."""
    return "null" if value is None else str(value)


def key_of(setting: str) -> str:
    """Give the name that a Hydra override has."""
    return setting.split("=")[0].lstrip("+~")


def _load(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InputError(f"sweep: {path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise InputError(f"sweep: {path}: is no YAML: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"sweep: {path}: expected a W&B sweep, with method, metric and parameters")
    return content


def _one_of(path: Path, field: str, found: Any, choices: tuple[str, ...]) -> str:
    if found not in choices:
        raise InputError(f"{path}: {field}: {found!r} is none of {', '.join(choices)}")
    return str(found)


def _mapping(path: Path, name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    found = content.get(name)
    if not isinstance(found, dict):
        raise InputError(f"{path}: {name}: expected fields of its own, found {found!r}")
    return found


def _early_end(path: Path, content: Mapping[str, Any]) -> tuple[int | None, int]:
    if content.get("early_terminate") is None:
        return None, 3
    given = _mapping(path, "early_terminate", content)
    _one_of(path, "early_terminate.type", given.get("type"), ("hyperband",))
    found = given.get("min_iter"), given.get("eta", 3)
    require_integer(f"{path}: early_terminate.min_iter", found[0], 1)
    require_integer(f"{path}: early_terminate.eta", found[1], 2)
    return found


def _distribution(path: Path, name: str, parameter: Mapping[str, Any]) -> BaseDistribution:
    field = f"{path}: parameters.{name}"
    if "values" in parameter:
        values = parameter["values"]
        if not (isinstance(values, list) and values):
            raise InputError(f"{field}.values: expected a list of at least one, found {values!r}")
        # A list is kept as the text that Hydra reads: [512, 512].
        return CategoricalDistribution([override(v) if isinstance(v, list) else v for v in values])
    low, high, step = parameter.get("min"), parameter.get("max"), parameter.get("q", 1)
    whole = isinstance(low, int) and isinstance(high, int)
    kind = parameter.get("distribution", "int_uniform" if whole else "uniform")
    if kind not in _KINDS:
        raise InputError(f"{field}.distribution: {kind!r} is none of {', '.join(_KINDS)}")
    if not (isinstance(low, _NUMBER) and isinstance(high, _NUMBER) and low < high):
        raise InputError(f"{field}: expected numbers min < max, found {low!r} and {high!r}")
    if (kind == "int_uniform" and not whole) or (kind == "log_uniform_values" and low <= 0):
        raise InputError(f"{field}: {kind} cannot be between {low!r} and {high!r}")
    if not (isinstance(step, _NUMBER) and step > 0):
        raise InputError(f"{field}.q: expected a number above 0, found {step!r}")
    return _KINDS[kind](low, high, step)


_KINDS: dict[str, Callable[[Any, Any, Any], BaseDistribution]] = {
    "uniform": lambda low, high, _: FloatDistribution(low, high),
    "int_uniform": lambda low, high, _: IntDistribution(low, high),
    "log_uniform_values": lambda low, high, _: FloatDistribution(low, high, log=True),
    "q_uniform": lambda low, high, step: FloatDistribution(low, high, step=step),
}
