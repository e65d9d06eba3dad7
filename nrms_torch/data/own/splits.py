"""Splits by time: train, then validation, then test, and no moment in two of them."""

from collections.abc import Iterator

import numpy as np

from nrms_torch.data.own.times import parse_length
from nrms_torch.data.schema import SPLITS
from nrms_torch.errors import InputError


def require_lasts(validation: object, test: object) -> None:
    """Raise InputError unless both are a share of the impressions or a length of time."""
    shares = [_share("validation", validation), _share("test", test)]
    if sum(filter(None, shares)) >= 1:
        raise InputError(f"validation={validation}, test={test}: nothing is left to train on")


def split_rows(times: np.ndarray, validation: object, test: object) -> Iterator[tuple[str, slice]]:
    """Yield each split and its rows of `times` (I,), microseconds in ascending order.

    `test` is what the test split takes of the end: a share of the impressions, such as 0.1, or a
    length of time, such as 1d; `validation` what validation takes of the rest's end. A share is of
    all impressions. A split of share 0 is left out. Impressions of one moment are in one split.
    Raises InputError where a split would be empty.
    """
    test_start = _start(times, len(times), "test", test)
    validation_start = _start(times, test_start, "validation", validation)
    starts = (0, validation_start, test_start, len(times))
    shares = (1, validation, test)
    for name, first, end, share in zip(SPLITS, starts, starts[1:], shares, strict=False):
        if first < end:
            yield name, slice(first, end)
        elif _share(name, share) != 0:
            raise InputError(
                f"validation={validation}, test={test}: no impression is left for {name}; all "
                f"{len(times):,} are from {_shown(times[0])} to {_shown(times[-1])}"
            )


def _start(times: np.ndarray, end: int, name: str, wanted: object) -> int:
    """The first row of a split that ends before row `end`."""
    share = _share(name, wanted)
    if share == 0 or end == 0:
        return end
    if share is None:
        before = times[end - 1] - parse_length(name, wanted)
        return int(np.searchsorted(times[:end], before, side="right"))
    row = max(0, end - round(share * len(times)))
    return int(np.searchsorted(times, times[row])) if row < end else end


def _share(name: str, wanted: object) -> float | None:
    """A share, or None for a length of time; InputError for anything else."""
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        if not 0 <= wanted <= 1:
            raise InputError(f"{name}: expected a share below 1, such as 0.1, found {wanted}")
        return float(wanted)
    parse_length(name, wanted)
    return None


def _shown(micros: np.int64) -> str:
    return str(np.datetime64(int(micros), "us").astype("datetime64[s]"))
