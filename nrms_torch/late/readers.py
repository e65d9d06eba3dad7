"""What readers have seen or read lately, by reader: online.

Dimensions: N candidates, E events of a reader.
"""

from array import array
from collections import OrderedDict
from typing import NamedTuple

import numpy as np

from nrms_torch.late.counts import NEVER, READER_MEMORY_S

Reader = str | int


class Found(NamedTuple):
    """A reader's events with candidates: `places` among those that differ, and `times` (E,).

    `inverse` (N,) tells which of those that differ each candidate is.
    """

    inverse: np.ndarray
    places: np.ndarray
    times: np.ndarray
    now: int

    def within(self, seconds: int) -> np.ndarray:
        """Count each candidate's events in the last seconds, (N,) int64."""
        places = self.places[self.times >= self.now - seconds]
        return np.bincount(places, minlength=len(self.inverse))[self.inverse]

    def since_last(self) -> np.ndarray:
        """Give the seconds since each candidate's last event, (N,), NEVER if not lately."""
        least = np.full(len(self.inverse), READER_MEMORY_S + 1)
        np.minimum.at(least, self.places, self.now - self.times)
        since = least[self.inverse]
        return np.where(since > READER_MEMORY_S, NEVER, since)


class ReaderEvents:
    """Events by reader, in any order of time, for READER_MEMORY_S and not much longer."""

    def __init__(self) -> None:
        # Who came last stands last.
        self._readers: OrderedDict[Reader, _Events] = OrderedDict()

    def __len__(self) -> int:
        return len(self._readers)

    def add(self, reader: Reader, articles: np.ndarray, time: int, now: int) -> None:
        """Take a reader's events with articles (K,) at a time; forget some of others, as of now."""
        self._readers.setdefault(reader, _Events()).add(articles, time, now - READER_MEMORY_S)
        self._readers.move_to_end(reader)
        while self._readers:
            longest_away = next(iter(self._readers))
            if self._readers[longest_away].newest >= now - READER_MEMORY_S:
                break
            del self._readers[longest_away]

    def find(self, reader: Reader | None, articles: np.ndarray, now: int) -> Found:
        """Find a reader's events with candidates (N,) before now."""
        distinct, inverse = np.unique(articles, return_inverse=True)
        events = None if reader is None else self._readers.get(reader)
        if events is None or not len(distinct):
            return Found(inverse, np.zeros(0, np.int64), np.zeros(0, np.int64), now)
        rows, times = events.before(now)
        places = np.searchsorted(distinct, rows).clip(max=len(distinct) - 1)
        own = distinct[places] == rows
        return Found(inverse, places[own], times[own], now)


class _Events:
    """One reader's events; what is too old is dropped when there may be much of it."""

    def __init__(self) -> None:
        self._rows, self._times = array("i"), array("q")
        self._many = 64
        self.newest = -(2**62)

    def add(self, articles: np.ndarray, time: int, oldest: int) -> None:
        self._append(articles, np.full(len(articles), time))
        self.newest = max(self.newest, time)
        if len(self._times) > self._many:
            rows, times = np.array(self._rows), np.array(self._times)
            self._rows, self._times = array("i"), array("q")
            self._append(rows[times >= oldest], times[times >= oldest])
            self._many = max(64, 2 * len(self._times))

    def before(self, now: int) -> tuple[np.ndarray, np.ndarray]:
        rows, times = np.array(self._rows), np.array(self._times)
        return rows[times < now], times[times < now]

    def _append(self, rows: np.ndarray, times: np.ndarray) -> None:
        self._rows.frombytes(rows.astype(np.int32).tobytes())
        self._times.frombytes(times.astype(np.int64).tobytes())
