"""Events that everybody knows of, summed by article in windows that move with the time: online.

Dimensions: W windows, N rows of articles.
"""

import heapq
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nrms_torch.late.counts import NEVER

# Before all times; half of the range, so that a difference still fits.
_NOT_YET = -(2**62)


class Sums(NamedTuple):
    """Of N articles: sums by window, and the seconds since the first and the last event.

    All (N,) int64, NEVER where there was no event.
    """

    within: dict[int, np.ndarray]
    since_first: np.ndarray
    since_last: np.ndarray


class MovingSums:
    """Sums of one kind of events in windows of some seconds before a moment that moves on.

    An event counts once its second is before the moment, and leaves each window in its turn: a few
    operations an event and window, however long the windows are. Events of one second enter and
    leave together, so that memory holds each article once a second of the longest window. An event
    that comes when its time is over counts from the next moment on in the windows it belongs to.
    """

    def __init__(self, windows: Sequence[int], rows: int) -> None:
        self._windows = {seconds: number for number, seconds in enumerate(windows)}
        self._sums = np.zeros((len(windows), rows), dtype=np.int64)
        self._first = np.full(rows, -_NOT_YET)
        self._last = np.full(rows, _NOT_YET)
        self._moment = _NOT_YET
        # By their seconds: what the moment has not reached, and what it has.
        self._waiting: dict[int, list[tuple[np.ndarray, int]]] = {}
        self._queue: list[int] = []
        self._known: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._times: list[int] = []
        # How many of the known seconds have left each window.
        self._left = [0] * len(windows)

    def grow(self, rows: int) -> None:
        """Make room for so many articles."""
        more = rows - self._sums.shape[1]
        self._sums = np.pad(self._sums, ((0, 0), (0, more)))
        self._first = np.pad(self._first, (0, more), constant_values=-_NOT_YET)
        self._last = np.pad(self._last, (0, more), constant_values=_NOT_YET)

    def add(self, articles: np.ndarray, time: int, weight: int = 1) -> None:
        """Take events of articles (K,) at a time, each of a weight."""
        if time not in self._waiting:
            self._waiting[time] = []
            heapq.heappush(self._queue, time)
        self._waiting[time].append((articles, weight))

    def advance(self, moment: int) -> None:
        """Count all that was before `moment`, which is no earlier than the last one."""
        self._moment = moment
        while self._queue and self._queue[0] < moment:
            time = heapq.heappop(self._queue)
            self._enter(time, *_summed(self._waiting.pop(time)))
        for seconds, number in self._windows.items():
            self._leave(number, moment - seconds)
        self._forget()

    def of(self, articles: np.ndarray) -> Sums:
        """Tell what is known of articles (N,)."""
        first, last = self._first[articles], self._last[articles]
        return Sums(
            {seconds: self._sums[row, articles] for seconds, row in self._windows.items()},
            np.where(first == -_NOT_YET, NEVER, self._moment - first),
            np.where(last == _NOT_YET, NEVER, self._moment - last),
        )

    def _enter(self, time: int, articles: np.ndarray, weights: np.ndarray) -> None:
        """Count what happened in a second, articles that differ."""
        self._first[articles] = np.minimum(self._first[articles], time)
        self._last[articles] = np.maximum(self._last[articles], time)
        place = bisect_left(self._times, time)
        for number, left in enumerate(self._left):
            if left <= place:
                self._sums[number, articles] += weights
            elif time not in self._known:
                self._left[number] += 1
        if time not in self._known:
            self._times.insert(place, time)
            self._known[time] = articles, weights
        else:  # some of it came late
            whole = zip(self._known[time], (articles, weights), strict=True)
            self._known[time] = _sums_of(*map(np.concatenate, whole))

    def _leave(self, number: int, start: int) -> None:
        """Subtract from a window what was before its start."""
        sums, times, left = self._sums[number], self._times, self._left[number]
        while left < len(times) and times[left] < start:
            articles, weights = self._known[times[left]]
            sums[articles] -= weights
            left += 1
        self._left[number] = left

    def _forget(self) -> None:
        """Drop what has left all windows, when that is half: moving the rest costs as much."""
        gone = min(self._left, default=len(self._times))
        if 2 * gone > len(self._times):
            for time in self._times[:gone]:
                del self._known[time]
            del self._times[:gone]
            self._left = [left - gone for left in self._left]


def _summed(events: list[tuple[np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
    articles = [each for each, _ in events]
    weights = [weight for _, weight in events]
    return _sums_of(np.concatenate(articles), np.repeat(weights, [len(each) for each in articles]))


def _sums_of(articles: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum weights by article: the articles that differ, int32, and their sums, int64."""
    distinct, inverse = np.unique(articles, return_inverse=True)
    sums = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(sums, inverse, weights)
    return distinct.astype(np.int32), sums
