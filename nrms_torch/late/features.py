"""The features, each by its name: one definition, for training, evaluation and the server.

A name is that of a definition, a time where the definition takes one, and `rank` where the place in
the list counts: `clicks_12h`, `age`, `clicks_3h_rank`. Dimensions: N candidates, F features.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from nrms_torch.errors import InputError
from nrms_torch.evaluation.metrics import impression_of
from nrms_torch.late.counts import NEVER, READER_MEMORY_S, SHARE_UNITS, Counts

# Of a click-through: clicks, and clicks by chance, that every article is given.
_PRIOR = 1.0
_LONG_AGO_S = 3 * 86_400
_UNITS = {"m": 60, "h": 3_600, "d": 86_400}
_NAME = re.compile(r"(?P<base>[a-z_]+?)(?:_(?P<number>[1-9]\d*)(?P<unit>[mhd]))?(?P<rank>_rank)?")
_RANK = "_rank"


class _Feature(NamedTuple):
    """What a feature says to a person, and how it is computed of counts, with a time or without."""

    meaning: str
    compute: Callable[[Counts, int], np.ndarray]
    takes_time: bool = False


def _log_age(counts: Counts) -> np.ndarray:
    """Of ten minutes; what was never shown is new."""
    return np.asarray(np.log1p(np.maximum(counts.since_first_shown(), 0) / 600))


def _long_ago(seconds: np.ndarray) -> np.ndarray:
    """Take the logarithm of minutes; never is as good as long ago."""
    capped = np.where(seconds == NEVER, _LONG_AGO_S, np.minimum(seconds, _LONG_AGO_S))
    return np.asarray(np.log1p(capped / 60))


def _click_through(counts: Counts, seconds: int) -> np.ndarray:
    expected = counts.expected(seconds) / SHARE_UNITS
    return np.asarray(np.log((counts.clicks(seconds) + _PRIOR) / (expected + _PRIOR)))


_DEFINITIONS = {
    "clicks": _Feature(
        "everybody's clicks in that time: ln(1 + clicks)",
        lambda counts, seconds: np.log1p(counts.clicks(seconds)),
        takes_time=True,
    ),
    "click_through": _Feature(
        "clicks over clicks by chance, 1/n in a list of n: ln((clicks + 1) / (by chance + 1))",
        _click_through,
        takes_time=True,
    ),
    "shown": _Feature(
        "how much it was shown, whatever was clicked: ln(1 + 10 Σ 1/n)",
        lambda counts, seconds: np.log1p(10 * counts.shown(seconds) / SHARE_UNITS),
        takes_time=True,
    ),
    "opened": _Feature(
        "how often its page was open: ln(1 + times)",
        lambda counts, seconds: np.log1p(counts.opened(seconds)),
        takes_time=True,
    ),
    "age": _Feature(
        "time since it was first shown: ln(1 + minutes / 10)", lambda counts, _: _log_age(counts)
    ),
    "age_squared": _Feature(
        "age² / 10: the newest are not the best", lambda counts, _: _log_age(counts) ** 2 / 10
    ),
    "since_click": _Feature(
        "time since the last click: ln(1 + minutes), three days at most",
        lambda counts, _: _long_ago(counts.since_click()),
    ),
    "seen": _Feature(
        "how often the reader was shown it in that time, at most 7 days: ln(1 + times)",
        lambda counts, seconds: np.log1p(counts.seen(seconds)),
        takes_time=True,
    ),
    "since_seen": _Feature(
        "time since the reader was shown it: ln(1 + minutes), three days at most",
        lambda counts, _: _long_ago(counts.since_seen()),
    ),
    "since_read": _Feature(
        "time since the reader clicked or opened it: ln(1 + minutes), three days at most",
        lambda counts, _: _long_ago(counts.since_read()),
    ),
    "open_page": _Feature(
        "1 where it is the page that the reader is on", lambda counts, _: counts.is_open()
    ),
    "list_length": _Feature(
        "how many candidates there are", lambda counts, _: _lengths(counts.offsets)
    ),
}


def meaning(name: str) -> str:
    """Say in words what a feature is; InputError for a name that is none."""
    base, _, is_rank = _parsed(name)
    words = _DEFINITIONS[base].meaning
    return f"place in the list by {words}, 0 to 1" if is_rank else words


def feature_matrix(names: Sequence[str], counts: Counts) -> np.ndarray:
    """Compute features of all candidates, (N, F) float32; InputError for a name that is none."""
    computed: dict[str, np.ndarray] = {}
    matrix = np.empty((int(counts.offsets[-1]), len(names)), dtype=np.float32)
    for number, name in enumerate(names):
        base, seconds, is_rank = _parsed(name)
        plain = name.removesuffix(_RANK)
        if plain not in computed:
            computed[plain] = np.asarray(_DEFINITIONS[base].compute(counts, seconds))
        column = computed[plain]
        matrix[:, number] = places_in_lists(column, counts.offsets) if is_rank else column
    return matrix


def check_features(names: Sequence[str]) -> None:
    """Raise InputError where a name is none, comes twice, or there is none."""
    if not names:
        raise InputError("late.features: expected at least one feature, found none")
    for name in names:
        _parsed(name)
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise InputError(f"late.features: {twice} comes twice")


def windows_of(names: Sequence[str]) -> dict[str, list[int]]:
    """Give the times in seconds that each definition is asked for, in order."""
    windows: dict[str, set[int]] = {}
    for name in names:
        base, seconds, _ = _parsed(name)
        windows.setdefault(base, set()).update([seconds] if seconds else [])
    return {base: sorted(found) for base, found in windows.items()}


def places_in_lists(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Give each candidate's place among its impression's by value, 0 lowest to 1; ties share."""
    owner, sizes = impression_of(offsets), np.diff(offsets)
    order = np.lexsort((values, owner))
    in_order = values[order]
    opens = np.ones(len(values), dtype=bool)
    opens[1:] = (in_order[1:] != in_order[:-1]) | (owner[1:] != owner[:-1])
    tie = np.cumsum(opens) - 1
    position = np.arange(len(values)) - np.repeat(offsets[:-1], sizes)
    middle = np.bincount(tie, position) / np.bincount(tie) if len(values) else position
    places = np.empty(len(values))
    places[order] = middle[tie]
    return np.asarray(places / np.maximum(sizes - 1, 1)[owner])


def _lengths(offsets: np.ndarray) -> np.ndarray:
    sizes = np.diff(offsets)
    return np.repeat(sizes, sizes)


@cache
def _parsed(name: str) -> tuple[str, int, bool]:
    """Give a name's definition, its time in seconds or 0, and whether the place counts."""
    found = _NAME.fullmatch(str(name))
    base = found["base"] if found else ""
    if found is None or base not in _DEFINITIONS:
        raise InputError(
            f"late.features: {name!r} is no feature; expected one of "
            f"{', '.join(base + '_12h' * each.takes_time for base, each in _DEFINITIONS.items())}, "
            "with a time as 10m, 12h or 7d where one stands here, and _rank behind it where the "
            "place in the list counts"
        )
    seconds = int(found["number"] or 0) * _UNITS.get(found["unit"], 0)
    if bool(seconds) != _DEFINITIONS[base].takes_time:
        expected = f"{base}_12h, with a time" if not seconds else f"{base}, without a time"
        raise InputError(f"late.features: {name!r} is no feature; expected {expected}")
    if base == "seen" and seconds > READER_MEMORY_S:
        raise InputError(f"late.features: {name!r} looks back further than 7 days")
    return base, seconds, bool(found["rank"])
