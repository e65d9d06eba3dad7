"""Events in order of key and time: how many of a key's events came before a moment.

Dimensions: E events, Q questions. Whole numbers throughout, so that a sum is the same in any order.
"""

from typing import NamedTuple

import numpy as np


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
    """Counts events by key: an article, or a reader and an article.

    Takes 8 bytes an event, and 8 more with weights. Moments are whole seconds.
    """

    def __init__(
        self, keys: np.ndarray, times: np.ndarray, weights: np.ndarray | None = None
    ) -> None:
        """Index events of keys (E,), times in seconds (E,) and weights (E,), all int64 and ≥ 0."""
        self._first_time = int(times.min(initial=2**62)) if len(times) else 0
        # Beyond the last event, so that every later moment is after all events of its key.
        self._span = int(times.max(initial=0)) - self._first_time + 2
        self._known: np.ndarray | None = None
        if int(keys.max(initial=0)) >= 2**62 // self._span:  # would not fit into 64 bits
            self._known, keys = np.unique(keys, return_inverse=True)
        places = keys * self._span
        places += times
        places -= self._first_time
        if weights is None:
            places.sort()
            self._sums = None
        else:
            order = np.argsort(places, kind="stable")
            places = places[order]
            self._sums = np.concatenate([[0], np.cumsum(weights[order])])
        self._places = places

    def before(self, questions: Questions) -> np.ndarray:
        """Sum the weights of each key's events before its moment, (Q,) int64."""
        starts = self._starts(questions)
        return self._between(starts, self._at(starts, questions.moments), questions)

    def within(self, questions: Questions, seconds: int) -> np.ndarray:
        """Sum the weights of each key's events in the `seconds` before its moment, (Q,) int64."""
        starts = self._starts(questions)
        first = self._at(starts, questions.moments - seconds)
        return self._between(first, self._at(starts, questions.moments), questions)

    def since_first(self, questions: Questions) -> np.ndarray:
        """Give the seconds since each key's first event before its moment, (Q,), −1 for none."""
        starts = self._starts(questions)
        first = np.searchsorted(self._places, starts)
        return self._since(first, first, starts, questions)

    def since_last(self, questions: Questions) -> np.ndarray:
        """Give the seconds since each key's last event before its moment, (Q,), −1 for none."""
        starts = self._starts(questions)
        stop = np.searchsorted(self._places, self._at(starts, questions.moments))
        return self._since(stop - 1, np.searchsorted(self._places, starts), starts, questions)

    def _since(
        self, event: np.ndarray, least: np.ndarray, starts: np.ndarray, questions: Questions
    ) -> np.ndarray:
        """Give the seconds since events (Q,) that stand at `least` or behind, −1 otherwise."""
        if not len(self._places):
            return np.full(len(event), -1)
        seconds = self._places.take(event, mode="clip") - starts
        times = seconds + self._first_time
        is_own = (event >= least) & (seconds >= 0) & (seconds < self._span)
        since = np.where(is_own & (times < questions.moments), questions.moments - times, -1)
        return np.asarray(since[questions.inverse])

    def _between(self, first: np.ndarray, last: np.ndarray, questions: Questions) -> np.ndarray:
        spots = np.searchsorted(self._places, first), np.searchsorted(self._places, last)
        low, high = spots if self._sums is None else (self._sums[spots[0]], self._sums[spots[1]])
        return np.asarray((high - low)[questions.inverse])

    def _starts(self, questions: Questions) -> np.ndarray:
        """Give the place at which each key's events begin; of an unknown key none do."""
        keys = questions.keys
        if self._known is None:
            return np.asarray(keys * self._span)
        numbers = np.searchsorted(self._known, keys).clip(max=len(self._known) - 1)
        return np.where(self._known[numbers] == keys, numbers, len(self._known)) * self._span

    def _at(self, starts: np.ndarray, moments: np.ndarray) -> np.ndarray:
        """Give the place of each key's moment: all its earlier events stand before."""
        return np.asarray(starts + (moments - self._first_time).clip(0, self._span - 1))
