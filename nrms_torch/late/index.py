"""Events in order of key and time: how many of a key's events came before a moment.

Dimensions: E events, Q questions. Whole numbers throughout, so that a sum is the same in any order.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np

# Questions searched for together, in the stretch of events that they fall into: it fits a cache.
_TOGETHER = 4_096


class Questions(NamedTuple):
    """Keys (Q,) and moments (Q,) int64, sorted, and `inverse` (Q,): where each question is now.

    Questions in order are answered many times faster than others.
    """

    keys: np.ndarray
    moments: np.ndarray
    inverse: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray, moments: np.ndarray) -> "Questions":
        """Sort questions."""
        order = np.lexsort((moments, keys))
        inverse = np.empty_like(order)
        inverse[order] = np.arange(len(order))
        return cls(keys[order], moments[order], inverse)


class EventIndex:
    """Holds events by key: an article, or a reader and an article.

    Takes 8 bytes an event, and 8 more with weights. Moments are whole seconds.
    """

    def __init__(
        self, keys: np.ndarray, times: np.ndarray, weights: np.ndarray | None = None
    ) -> None:
        """Index events of keys (E,), times in seconds (E,) and weights (E,), all int64 and ≥ 0."""
        self.first_time = int(times.min()) if len(times) else 0
        # Beyond the last event, so that every later moment is after all events of its key.
        self.span = int(times.max(initial=0)) - self.first_time + 2
        self._known: np.ndarray | None = None
        self._beyond = int(keys.max(initial=0)) + 1
        if self._beyond >= 2**62 // self.span:  # would not fit into 64 bits
            self._known, keys = np.unique(keys, return_inverse=True)
            keys = 2 * keys
        places = keys * self.span
        places += times
        places -= self.first_time
        self.sums: np.ndarray | None = None
        if weights is None:
            places.sort()
        else:
            order = np.argsort(places, kind="stable")  # the fastest for logs in order of time
            places = places[order]
            self.sums = np.zeros(len(weights) + 1, dtype=np.int64)
            np.cumsum(weights[order], out=self.sums[1:])
        self.places = places

    def ask(self, questions: Questions) -> "Answers":
        """Give what answers questions; whatever several answers need is searched for once."""
        return Answers(self, questions)

    def starts(self, keys: np.ndarray) -> np.ndarray:
        """Give the place at which the events of keys in order begin, (Q,), in the same order."""
        if self._known is None:
            return np.asarray(np.minimum(keys, self._beyond) * self.span)
        numbers = np.searchsorted(self._known, keys)
        is_known = self._known.take(numbers, mode="clip") == keys
        # An unknown key has a place of its own, between its neighbours.
        return np.asarray((2 * numbers - ~is_known) * self.span)


class Answers:
    """What an index knows of some questions, (Q,) int64 each, in the order they were asked in."""

    def __init__(self, index: EventIndex, questions: Questions) -> None:
        self._index, self._questions = index, questions
        self._starts = index.starts(questions.keys)
        self._summed: dict[int, np.ndarray] = {}

    def within(self, seconds: int) -> np.ndarray:
        """Sum the weights of each key's events in the `seconds` before its moment."""
        if seconds not in self._summed:
            first = self._sums_before(self._events_before(self._questions.moments - seconds))
            answers = self._sums_before(self._stops) - first
            self._summed[seconds] = answers[self._questions.inverse]
        return self._summed[seconds]

    @cached_property
    def since_first(self) -> np.ndarray:
        """The seconds since each key's first event before its moment, −1 for none."""
        opens = np.ones(len(self._starts), dtype=bool)
        opens[1:] = self._starts[1:] != self._starts[:-1]
        first = np.searchsorted(self._index.places, self._starts[opens])
        return self._since(first[np.cumsum(opens) - 1])

    @cached_property
    def since_last(self) -> np.ndarray:
        """The seconds since each key's last event before its moment, −1 for none."""
        return self._since(self._stops - 1)

    @cached_property
    def _stops(self) -> np.ndarray:
        return self._events_before(self._questions.moments)

    def _events_before(self, moments: np.ndarray) -> np.ndarray:
        """Count the events in the index that stand before each key's moment."""
        index = self._index
        return _search(
            index.places, self._starts + (moments - index.first_time).clip(0, index.span - 1)
        )

    def _sums_before(self, events: np.ndarray) -> np.ndarray:
        return events if self._index.sums is None else self._index.sums[events]

    def _since(self, events: np.ndarray) -> np.ndarray:
        """Give the seconds since events (Q,), numbers in the index; −1 where one is not its own."""
        index, moments = self._index, self._questions.moments
        if not len(index.places):
            return np.full(len(events), -1)
        seconds = index.places.take(events, mode="clip") - self._starts
        times = seconds + index.first_time
        is_own = (events >= 0) & (seconds >= 0) & (seconds < index.span) & (times < moments)
        return np.asarray(np.where(is_own, moments - times, -1)[self._questions.inverse])


def _search(places: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Search as np.searchsorted does for `wanted` in order, and faster for that."""
    found = np.empty(len(wanted), dtype=np.int64)
    starts = range(0, len(wanted), _TOGETHER)
    low = 0
    ends = np.searchsorted(places, [wanted[min(s + _TOGETHER, len(wanted)) - 1] for s in starts])
    for start, high in zip(starts, ends.tolist(), strict=True):
        part = wanted[start : start + _TOGETHER]
        found[start : start + _TOGETHER] = np.searchsorted(places[low:high], part) + low
        low = high
    return found
