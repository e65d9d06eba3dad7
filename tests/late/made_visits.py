"""What the tests of late features share: small logs, their features, and a count by brute force."""

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from nrms_torch.data.impressions import Impressions
from nrms_torch.late.counters import Counters
from nrms_torch.late.counts import READER_MEMORY_S, SHARE_UNITS
from nrms_torch.late.features import _DEFINITIONS
from nrms_torch.late.visits import Visits

DAY = 86_400
WINDOWS = {"1m": 60, "4m": 240, "1h": 3_600, "2d": 2 * DAY, "7d": 7 * DAY}
PLAIN = [
    name
    for base, each in _DEFINITIONS.items()
    for name in ([f"{base}_{window}" for window in WINDOWS] if each.takes_time else [base])
]
ALL = [name + rank for name in PLAIN for rank in ("", "_rank")]

lags = st.sampled_from([0, 1, 60, 300])


@dataclass(frozen=True)
class Shown:
    """One impression, and when it was left."""

    time: int
    left: int
    reader: int
    page: int
    candidates: tuple[tuple[int, bool], ...]


@st.composite
def logs(draw, most=12):
    """A few impressions, at seconds or spread over days, in any order of time."""
    stretch = draw(st.sampled_from([1, 1, 3_000]))
    seconds = st.integers(0, 400).map(lambda time: time * stretch)
    shown = st.builds(
        Shown,
        seconds,
        st.integers(0, 200),
        st.integers(0, 3),
        st.integers(0, 4),
        st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=5).map(tuple),
    )
    found = draw(st.lists(shown, min_size=1, max_size=most))
    return [replace(each, left=each.time + each.left) for each in found]


def visits_of(log, *, labelled=True):
    pairs = [pair for each in log for pair in each.candidates]
    sizes = [len(each.candidates) for each in log]
    column = lambda name: np.array([getattr(each, name) for each in log], dtype=np.int64)  # noqa: E731
    impressions = Impressions(
        impression_ids=np.arange(len(log)),
        history_index=np.zeros(len(log), dtype=np.int32),
        histories=np.zeros((1, 1), dtype=np.int32),
        offsets=np.cumsum([0, *sizes], dtype=np.int64),
        candidates=np.array([article for article, _ in pairs], dtype=np.int32),
        labels=np.array([clicked for _, clicked in pairs], dtype=bool) if labelled else None,
        unknown_articles=0,
    )
    return Visits(impressions, column("time"), column("left"), column("reader"), column("page"))


def answers(counts):
    """All that counts can say, by question."""
    asked = {
        f"{name} {window}": getattr(counts, name)(window)
        for name in ("clicks", "expected", "shown", "opened", "seen")
        for window in WINDOWS.values()
    }
    plain = ("since_first_shown", "since_click", "since_seen", "since_read", "is_open")
    return asked | {name: getattr(counts, name)() for name in plain}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for question, answer in found.items():
        np.testing.assert_array_equal(answer, expected[question], err_msg=question)


def asked_in_turn(visits, features, *, lag):
    """Give what counters say of each impression when it is shown, in order of time."""
    counters = Counters(features, lag=lag, articles=1)
    all_of = visits.impressions
    clicks = all_of.labels if all_of.labels is not None else np.zeros(len(all_of.candidates), bool)
    events = [(int(time), 0, row) for row, time in enumerate(visits.times)]
    events += [(int(left), 1, row) for row, left in enumerate(visits.left)]
    for time, is_left, row in sorted(events):
        of = slice(*all_of.offsets[row : row + 2])
        who = {"reader": int(visits.readers[row]) or None}
        if is_left:
            for article in all_of.candidates[of][clicks[of]]:
                counters.clicked(int(article), time, **who)
        else:
            who["page"] = int(visits.pages[row])
            yield row, counters.counts(all_of.candidates[of], time, **who)
            counters.shown(all_of.candidates[of], time, **who)


class Counted:
    """The answers for one impression of a log, each by going through the log."""

    def __init__(self, log, asked, *, lag, no_clicks_after=None):
        self._asked, self._articles = asked, [article for article, _ in asked.candidates]
        self.offsets = np.array([0, len(self._articles)])
        self._now = asked.time - lag
        self._known = self._now if no_clicks_after is None else min(self._now, no_clicks_after)
        own = [each for each in log if each.reader == asked.reader > 0]
        end = 2**62 if no_clicks_after is None else no_clicks_after
        self._clicks, self._own_clicks = (
            [click for click in _clicks(each) if click[1] < end] for each in (log, own)
        )
        self._shown, self._own_shown = _shown(log), _shown(own)
        self._opened, self._own_opened = _opened(log), _opened(own)

    def _each(self, answer, otherwise=0):
        found = [answer(article) if article else otherwise for article in self._articles]
        return np.array(found, dtype=np.int64)

    def _within(self, events, now, seconds):
        return self._each(
            lambda article: sum(
                weight
                for of, time, weight in events
                if of == article and now - seconds <= time < now
            )
        )

    def _since(self, events, now, best, most=2**62):
        def since(article):
            times = [time for of, time, _ in events if of == article and time < now]
            found = now - best(times) if times else -1
            return found if found <= most else -1

        return self._each(since, -1)

    def clicks(self, seconds):
        return self._within(self._clicks, self._known, seconds)

    def expected(self, seconds):
        return self._within(self._shown, self._known, seconds)

    def shown(self, seconds):
        return self._within(self._shown, self._now, seconds)

    def opened(self, seconds):
        return self._within(self._opened, self._now, seconds)

    def since_first_shown(self):
        return self._since(self._shown, self._now, min)

    def since_click(self):
        return self._since(self._clicks, self._known, max)

    def seen(self, seconds):
        events = [(article, time, 1) for article, time, _ in self._own_shown]
        return self._within(events, self._asked.time, seconds)

    def since_seen(self):
        return self._since(self._own_shown, self._asked.time, max, READER_MEMORY_S)

    def since_read(self):
        events = self._own_clicks + self._own_opened
        return self._since(events, self._asked.time, max, READER_MEMORY_S)

    def is_open(self):
        return self._each(lambda article: int(article == self._asked.page))


def _clicks(log):
    return [
        (article, each.left, 1) for each in log for article, clicked in each.candidates if clicked
    ]


def _shown(log):
    return [
        (article, each.time, round(SHARE_UNITS / len(each.candidates)))
        for each in log
        for article, _ in each.candidates
    ]


def _opened(log):
    return [(each.page, each.time, 1) for each in log if each.page]
