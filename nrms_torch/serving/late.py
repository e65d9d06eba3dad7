"""Late features of a running recommender: what this process was told that everybody reads.

Until it is told of an event a ranking is by text alone, and says so.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from nrms_torch.errors import InputError
from nrms_torch.late.counters import Counters
from nrms_torch.late.features import feature_matrix
from nrms_torch.late.stage import STREAMING, LateStage
from nrms_torch.serving.articles import ArticleId

ReaderId = int | str
# A clock may be ahead of ours; an event of later than so is a mistake.
_AHEAD_S = 300


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A list of articles that a reader was shown, at a time in seconds since 1970, by default now.

    `page` is the article whose page the reader was on, None for a front page.
    """

    articles: Sequence[ArticleId]
    time: float | None = None
    reader: ReaderId | None = None
    page: ArticleId | None = None

    def named(self) -> Iterator[tuple[str, ArticleId]]:
        """Give each article id with the name of its field."""
        yield from ((f"articles[{place}]", each) for place, each in enumerate(self.articles))
        if self.page is not None:
            yield "page", self.page


@dataclass(frozen=True, kw_only=True)
class Click:
    """A click on an article, at a time in seconds since 1970, by default now."""

    article: ArticleId
    time: float | None = None
    reader: ReaderId | None = None

    def named(self) -> Iterator[tuple[str, ArticleId]]:
        """Give the article id with the name of its field."""
        yield "article", self.article


class LateNow:
    """A bundle's late stage, over the events of this process; threads may share it."""

    def __init__(self, stage: LateStage) -> None:
        """Start without an event; InputError for weights that a server has no use for."""
        self.stage = stage
        self.events = 0
        self._counters = Counters(stage.features, lag=stage.settings.lag, articles=1)
        # Articles by number, whatever becomes of their rows; 0 is the unknown one.
        self._numbers: dict[ArticleId, int] = {}
        self._naming = Lock()

    @property
    def is_known(self) -> bool:
        """Whether anything is known of what everybody reads."""
        return self.events > 0 and self.stage.settings.rule == STREAMING

    def tell(self, events: Sequence[Shown | Click]) -> None:
        """Count events, in the order of their times; all of them, or none where one is wrong.

        Raises InputError for a time that is not finite, or lies in the future.
        """
        now = time.time()
        moments = [_moment(place, event.time, now) for place, event in enumerate(events)]
        for moment, event in sorted(zip(moments, events, strict=True), key=lambda each: each[0]):
            if isinstance(event, Shown):
                articles = self._numbered(event.articles, new=True)
                (page,) = self._numbered([event.page], new=True).tolist()
                self._counters.shown(articles, moment, reader=event.reader, page=page)
            else:
                (article,) = self._numbered([event.article], new=True).tolist()
                self._counters.clicked(article, moment, reader=event.reader)
        self.events += len(events)

    def scores(
        self,
        article_ids: Sequence[ArticleId | None],
        dots: np.ndarray,
        *,
        reader: ReaderId | None = None,
        page: ArticleId | None = None,
    ) -> np.ndarray:
        """Score articles of one ranking now, by NRMS' dots (N,): (N,) float32."""
        return self.stage.scores(self.features(article_ids, reader=reader, page=page), dots)

    def parts(
        self,
        article_ids: Sequence[ArticleId | None],
        dot: float,
        *,
        reader: ReaderId | None = None,
        page: ArticleId | None = None,
    ) -> dict[str, float]:
        """Split the score of the first of the articles of one ranking, by its dot, by feature."""
        features = self.features(article_ids, reader=reader, page=page)
        return self.stage.fitted.parts(features[0], dot)

    def features(
        self,
        article_ids: Sequence[ArticleId | None],
        *,
        reader: ReaderId | None = None,
        page: ArticleId | None = None,
    ) -> np.ndarray:
        """Compute the features (N, F) of articles for one ranking now."""
        now = int(time.time())
        (of_page,) = self._numbered([page]).tolist()
        articles = self._numbered(article_ids)
        counts = self._counters.counts(articles, now, reader=reader, page=of_page)
        return feature_matrix(self.stage.features, counts)

    def _numbered(
        self, article_ids: Sequence[ArticleId | None], *, new: bool = False
    ) -> np.ndarray:
        numbers = self._numbers
        if new:
            with self._naming:
                for article_id in article_ids:
                    if article_id is not None and article_id not in numbers:
                        numbers[article_id] = len(numbers) + 1
        found = [0 if each is None else numbers.get(each, 0) for each in article_ids]
        return np.array(found, dtype=np.int64)


def _moment(place: int, given: float | None, now: float) -> int:
    if given is None:
        return int(now)
    if not 0 <= given <= now + _AHEAD_S:
        raise InputError(
            f"events[{place}].time: found {given}; expected seconds since 1970, not in the future"
        )
    return int(given)
