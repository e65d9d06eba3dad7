"""Checks of the fields that a user sets in a configuration."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from nrms_torch.errors import InputError

_Config = TypeVar("_Config")


def from_fields(kind: type[_Config], section: str, values: Mapping[str, Any]) -> _Config:
    """Make a dataclass of a configuration's section; InputError names an unknown or missing field.

    What a field may hold is checked by the dataclass itself.
    """
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise InputError(f"{section}.{name}: no such field; expected {', '.join(known)}")
    for name, field in known.items():
        if name not in values and field.default is MISSING:
            raise InputError(f"{section}.{name}: missing")
    return kind(**values)


def require_integer(field: str, value: object, least: int) -> None:
    """Raise InputError, naming `field`, for anything but an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{field}: expected an integer of at least {least}, found {value!r}")


def require_number(
    field: str,
    value: object,
    *,
    least: float = -math.inf,
    below: float = math.inf,
    most: float | None = None,
) -> None:
    """Raise InputError, naming `field`, for anything but a number in least <= number < below.

    Where `most` is given, that is allowed too, and stands in place of `below`.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = is_number and value >= least and (value < below if most is None else value <= most)  # type: ignore[operator]
    if not fits:
        upper = f"< {below}" if most is None else f"<= {most}"
        raise InputError(f"{field}: expected {least} <= number {upper}, found {value!r}")
