"""A log of visits, and what was known of each candidate when it was shown: offline, all at once.

Dimensions: I impressions with N candidates.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from nrms_torch.late.counts import NEVER, READER_MEMORY_S, share_of_lists
from nrms_torch.late.index import Answers, EventIndex, Questions
from nrms_torch.late.visits import Visits


class Replay:
    """Events of some visits: what was shown, opened and clicked, in order of time.

    An impression counts as shown at its time, and its clicks count when it was left; everybody
    knows of both `lag` seconds later, and the reader at once. From `no_clicks_after` on clicks are
    not known at all.
    """

    def __init__(
        self, visits: Sequence[Visits], *, lag: int, no_clicks_after: int | None = None
    ) -> None:
        self.lag = lag
        self.no_clicks_after = no_clicks_after
        self._visits = visits
        labelled = [each for each in visits if each.impressions.labels is not None]
        self._clicks = [_Clicks(each, before=no_clicks_after) for each in labelled]

    def counts(self, asked: Visits, impressions: np.ndarray) -> "ReplayedCounts":
        """Give what was known of the candidates of some impressions (I,), indices, of `asked`."""
        return ReplayedCounts(self, asked, impressions)

    def _events(self, of: Callable[[Visits], np.ndarray]) -> np.ndarray:
        return np.concatenate([np.zeros(0, dtype=np.int64), *map(of, self._visits)])

    def _of_clicks(self, of: Callable[["_Clicks"], np.ndarray]) -> np.ndarray:
        return np.concatenate([np.zeros(0, dtype=np.int64), *map(of, self._clicks)])

    @cached_property
    def clicked(self) -> EventIndex:
        """Clicks by article."""
        return EventIndex(
            self._of_clicks(lambda each: each.articles), self._of_clicks(lambda each: each.times)
        )

    @cached_property
    def shown(self) -> EventIndex:
        """What was shown by article, weighted by the share of its list."""
        return EventIndex(
            self._events(lambda each: each.impressions.candidates.astype(np.int64)),
            self._events(lambda each: _each_candidate(each, each.times)),
            self._events(
                lambda each: _each_candidate(
                    each, share_of_lists(np.diff(each.impressions.offsets))
                )
            ),
        )

    @cached_property
    def opened(self) -> EventIndex:
        """Pages by article."""
        return EventIndex(
            self._events(lambda each: each.pages[each.pages > 0]),
            self._events(lambda each: each.times[each.pages > 0]),
        )

    @cached_property
    def seen(self) -> EventIndex:
        """What was shown by reader and article."""
        return EventIndex(
            self._events(
                lambda each: self.pairs(
                    _each_candidate(each, each.readers), each.impressions.candidates
                )
            ),
            self._events(lambda each: _each_candidate(each, each.times)),
        )

    @cached_property
    def read(self) -> EventIndex:
        """What was opened or clicked by reader and article."""
        pages = self._events(lambda each: self.pairs(each.readers, each.pages)[each.pages > 0])
        clicks = self._of_clicks(lambda each: self.pairs(each.readers, each.articles))
        times = (
            self._events(lambda each: each.times[each.pages > 0]),
            self._of_clicks(lambda each: each.times),
        )
        return EventIndex(np.concatenate([pages, clicks]), np.concatenate(times))

    @cached_property
    def _articles(self) -> int:
        """Count the rows of articles that events name."""
        rows = [
            int(each.max(initial=0))
            for visits in self._visits
            for each in (visits.impressions.candidates, visits.pages)
        ]
        return max([0, *rows]) + 1

    def pairs(self, readers: np.ndarray, articles: np.ndarray) -> np.ndarray:
        """Number pairs of a reader and an article, (N,) int64; rows beyond all events share one."""
        rows = np.minimum(articles, self._articles)
        return np.asarray(readers * (self._articles + 1) + rows)


class ReplayedCounts:
    """What was known of the candidates of some impressions: the offline `Counts`."""

    def __init__(self, replay: Replay, asked: Visits, impressions: np.ndarray) -> None:
        self._replay = replay
        places, self.offsets = asked.impressions.candidate_positions(impressions)
        owner = np.repeat(impressions, np.diff(self.offsets))
        self._articles = asked.impressions.candidates[places].astype(np.int64)
        self._readers, self._pages = asked.readers[owner], asked.pages[owner]
        self._times = asked.times[owner]

    @cached_property
    def _now(self) -> Questions:
        return Questions.of(self._articles, self._times - self._replay.lag)

    @cached_property
    def _shown(self) -> Answers:
        return self._replay.shown.ask(self._now)

    @cached_property
    def _opened(self) -> Answers:
        return self._replay.opened.ask(self._now)

    @cached_property
    def _of_clicks(self) -> Questions:
        end = self._replay.no_clicks_after
        if end is None:
            return self._now
        return Questions.of(self._articles, np.minimum(self._times - self._replay.lag, end))

    @cached_property
    def _clicked(self) -> Answers:
        return self._replay.clicked.ask(self._of_clicks)

    @cached_property
    def _expected(self) -> Answers:
        if self._of_clicks is self._now:
            return self._shown
        return self._replay.shown.ask(self._of_clicks)

    @cached_property
    def _own(self) -> Questions:
        pairs = self._replay.pairs(self._readers, self._articles)
        return Questions.of(pairs, self._times)

    @cached_property
    def _seen(self) -> Answers:
        return self._replay.seen.ask(self._own)

    @cached_property
    def _read(self) -> Answers:
        return self._replay.read.ask(self._own)

    def clicks(self, seconds: int) -> np.ndarray:
        """See `Counts`."""
        return self._of_known(self._clicked.within(seconds))

    def expected(self, seconds: int) -> np.ndarray:
        """See `Counts`."""
        return self._of_known(self._expected.within(seconds))

    def shown(self, seconds: int) -> np.ndarray:
        """See `Counts`."""
        return self._of_known(self._shown.within(seconds))

    def opened(self, seconds: int) -> np.ndarray:
        """See `Counts`."""
        return self._of_known(self._opened.within(seconds))

    def since_first_shown(self) -> np.ndarray:
        """See `Counts`."""
        return self._of_known(self._shown.since_first, NEVER)

    def since_click(self) -> np.ndarray:
        """See `Counts`."""
        return self._of_known(self._clicked.since_last, NEVER)

    def seen(self, seconds: int) -> np.ndarray:
        """See `Counts`."""
        return self._of_readers(self._seen.within(seconds), 0)

    def since_seen(self) -> np.ndarray:
        """See `Counts`."""
        return self._of_readers(_lately(self._seen.since_last), NEVER)

    def since_read(self) -> np.ndarray:
        """See `Counts`."""
        return self._of_readers(_lately(self._read.since_last), NEVER)

    def is_open(self) -> np.ndarray:
        """See `Counts`."""
        return self._of_known((self._pages == self._articles).astype(np.int64))

    def _of_known(self, answers: np.ndarray, otherwise: int = 0) -> np.ndarray:
        """Keep answers about known articles: the others are not one article."""
        return np.where(self._articles > 0, answers, otherwise)

    def _of_readers(self, answers: np.ndarray, otherwise: int) -> np.ndarray:
        """Keep answers about known readers: the others are not one person."""
        return self._of_known(np.where(self._readers > 0, answers, otherwise), otherwise)


class _Clicks:
    """The clicks of visits, (K,) each: articles, readers and when they are known.

    Only those `before` a moment, where there is one: also of a reader's own clicks nothing is known
    from then on.
    """

    def __init__(self, visits: Visits, *, before: int | None) -> None:
        labels, offsets = visits.impressions.labels, visits.impressions.offsets
        assert labels is not None, "the split is labelled"
        places = np.flatnonzero(labels)
        owner = np.searchsorted(offsets, places, side="right") - 1
        if before is not None:
            is_known = visits.left[owner] < before
            places, owner = places[is_known], owner[is_known]
        self.articles = visits.impressions.candidates[places].astype(np.int64)
        self.readers = visits.readers[owner]
        self.times = visits.left[owner]


def _each_candidate(visits: Visits, values: np.ndarray) -> np.ndarray:
    """Repeat each impression's value (I,) for its candidates, (N,)."""
    return np.repeat(values, np.diff(visits.impressions.offsets))


def _lately(since: np.ndarray) -> np.ndarray:
    return np.where(since > READER_MEMORY_S, NEVER, since)
