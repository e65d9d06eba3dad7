"""What everybody shows, opens and clicks, counted as it happens: the online `Counts`.

Equal to `Replay` of the same events, to the integer. Dimensions: N candidates of one ranking.
"""

from collections.abc import Sequence
from threading import Lock

import numpy as np

from nrms_torch.late.counts import NEVER, offsets_of, share_of_lists
from nrms_torch.late.features import windows_of
from nrms_torch.late.readers import Found, Reader, ReaderEvents
from nrms_torch.late.windows import MovingSums, Sums

_LONG_AGO = -(2**62)
# Which definitions of features look at which events.
_OF_EVERYBODY = {
    "clicked": frozenset({"clicks", "click_through", "since_click"}),
    "shown": frozenset({"shown", "click_through", "age", "age_squared"}),
    "opened": frozenset({"opened"}),
}
_OF_READERS = {
    "seen": frozenset({"seen", "since_seen"}),
    "read": frozenset({"since_read"}),
}


class Counters:
    """Events one by one, and answers about a ranking now to what some features ask.

    Times are whole seconds. Everybody knows of an event `lag` seconds later, and its reader at
    once. Asking moves the time on; it never goes back, and who asks about an earlier second gets
    the answer of the latest one that was asked about. An event that comes late counts from then on,
    as far as it still belongs into a window. Rows of articles may be added at any time. May be used
    by many threads.
    """

    def __init__(self, features: Sequence[str], *, lag: int, articles: int) -> None:
        """Count what `features` need of so many rows of articles; InputError for no feature."""
        windows = windows_of(features)
        self._lag = lag
        self._rows = max(articles, 1)
        self._now = _LONG_AGO
        self._lock = Lock()
        self._sums = {
            kind: MovingSums(_joined(windows, of), self._rows)
            for kind, of in _OF_EVERYBODY.items()
            if of & windows.keys()
        }
        self._own = {
            kind: ReaderEvents() for kind, of in _OF_READERS.items() if of & windows.keys()
        }

    def __len__(self) -> int:
        """How many rows of articles there is room for."""
        return self._rows

    def shown(
        self, articles: np.ndarray, time: int, *, reader: Reader | None = None, page: int = 0
    ) -> None:
        """Take a list of articles, rows (N,), that was shown beside an article's page or none."""
        with self._lock:
            if len(articles):
                share = share_of_lists(np.array([len(articles)]))
                self._count("shown", articles, time, int(share[0]))
                self._remember("seen", reader, articles, time)
            if page > 0:
                self._count("opened", np.array([page]), time)
                self._remember("read", reader, np.array([page]), time)

    def clicked(self, article: int, time: int, *, reader: Reader | None = None) -> None:
        """Take a click on an article, a row."""
        with self._lock:
            self._count("clicked", np.array([article]), time)
            self._remember("read", reader, np.array([article]), time)

    def counts(
        self, articles: np.ndarray, now: int, *, reader: Reader | None = None, page: int = 0
    ) -> "CountsNow":
        """Tell what is known of candidates, rows (N,), at a time, for a reader on a page."""
        articles = np.asarray(articles, dtype=np.int64)
        with self._lock:
            self._fit(articles)
            self._now = now = max(now, self._now)
            for sums in self._sums.values():
                sums.advance(now - self._lag)
            known = {kind: sums.of(articles) for kind, sums in self._sums.items()}
            own = {kind: each.find(reader, articles, now) for kind, each in self._own.items()}
        return CountsNow(articles, page, known, own)

    def _count(self, kind: str, articles: np.ndarray, time: int, weight: int = 1) -> None:
        if kind in self._sums:
            self._fit(articles)
            self._sums[kind].add(articles, time, weight)

    def _remember(self, kind: str, reader: Reader | None, articles: np.ndarray, time: int) -> None:
        if kind in self._own and reader is not None:
            self._own[kind].add(reader, articles, time, self._now)

    def _fit(self, articles: np.ndarray) -> None:
        """Make room for articles; for twice as many as before, so that it happens seldom."""
        highest = int(articles.max(initial=0))
        if highest >= self._rows:
            self._rows = max(highest + 1, 2 * self._rows)
            for sums in self._sums.values():
                sums.grow(self._rows)


class CountsNow:
    """What is known of the candidates of one ranking, as of when it was asked: `Counts`.

    It tells what the features of its `Counters` need; a KeyError means that none needs the answer.
    """

    def __init__(
        self, articles: np.ndarray, page: int, known: dict[str, Sums], own: dict[str, Found]
    ) -> None:
        self.offsets = offsets_of(np.array([len(articles)]))
        self._articles, self._page = articles, page
        self._known, self._own = known, own

    def clicks(self, seconds: int) -> np.ndarray:
        """See `Counts`."""
        return self._of_known(self._known["clicked"].within[seconds])

    def shown(self, seconds: int) -> np.ndarray:
        """See `Counts`."""
        return self._of_known(self._known["shown"].within[seconds])

    def expected(self, seconds: int) -> np.ndarray:
        """See `Counts`: now, clicks are known of all the time that lists are known of."""
        return self.shown(seconds)

    def opened(self, seconds: int) -> np.ndarray:
        """See `Counts`."""
        return self._of_known(self._known["opened"].within[seconds])

    def since_first_shown(self) -> np.ndarray:
        """See `Counts`."""
        return self._of_known(self._known["shown"].since_first, NEVER)

    def since_click(self) -> np.ndarray:
        """See `Counts`."""
        return self._of_known(self._known["clicked"].since_last, NEVER)

    def seen(self, seconds: int) -> np.ndarray:
        """See `Counts`."""
        return self._of_known(self._own["seen"].within(seconds))

    def since_seen(self) -> np.ndarray:
        """See `Counts`."""
        return self._of_known(self._own["seen"].since_last(), NEVER)

    def since_read(self) -> np.ndarray:
        """See `Counts`."""
        return self._of_known(self._own["read"].since_last(), NEVER)

    def is_open(self) -> np.ndarray:
        """See `Counts`."""
        return self._of_known((self._articles == self._page).astype(np.int64))

    def _of_known(self, answers: np.ndarray, otherwise: int = 0) -> np.ndarray:
        """Keep answers about known articles: the others are not one article."""
        return np.where(self._articles > 0, answers, otherwise)


def _joined(windows: dict[str, list[int]], definitions: frozenset[str]) -> list[int]:
    """Give the windows of some definitions, each once."""
    return sorted({seconds for each in definitions for seconds in windows.get(each, [])})
