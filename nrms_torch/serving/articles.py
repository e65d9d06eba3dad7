"""The articles of a running recommender: vectors in one growing array, ids looked up in a dict.

A reader takes one `Snapshot` and never waits: a row that it can reach is never written again. An
updated article gets a new row; the old one is dropped when the array next grows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np
import polars as pl

from nrms_torch.data.articles import ArticleTable
from nrms_torch.errors import InputError

ArticleId = int | str
# Of a title that is kept to be shown; the model reads all of it before.
_SHOWN_TITLE = 1_000


class FullError(InputError):
    """There is no more room for articles."""


@dataclass(frozen=True, kw_only=True)
class Article:
    """An article on its arrival: texts for NRMS, a document vector (W,) for NRMSDocVec.

    `title` and `category` are kept to be shown, whatever the model reads.
    """

    article_id: ArticleId
    title: str = ""
    subtitle: str = ""
    body: str = ""
    category: str = ""
    vector: Sequence[float] | np.ndarray | None = None


@dataclass(frozen=True)
class Added:
    """What `Recommender.add_articles` did.

    `unknown_tokens` counts the tokens of the texts that the model has no word embedding for; they
    are left out.
    """

    added: int
    updated: int
    unknown_tokens: int


@dataclass(frozen=True)
class Snapshot:
    """The articles at one moment; row 0 is the unknown article, whose id is None.

    `vectors` (≥ count, D) and `tokens` (≥ count, T), None for document vectors, are written up to
    `count`; `replaced` are rows that updates have left behind. What is written later may be seen in
    `row_of` and the lists, for those are not copied: `row` finds the state of this moment.
    """

    vectors: np.ndarray
    tokens: np.ndarray | None
    count: int
    row_of: dict[ArticleId, int]
    ids: list[ArticleId | None]
    titles: list[str]
    categories: list[str]
    replaced: np.ndarray
    earlier: dict[int, int]  # from an article's row to the one that it replaced

    def row(self, article_id: ArticleId) -> int:
        """Give an article's row at this moment; 0 where it was unknown."""
        row = self.row_of.get(article_id, 0)
        while row >= self.count:
            row = self.earlier.get(row, 0)
        return row

    def rows(self, article_ids: Sequence[ArticleId]) -> list[int]:
        """Give the rows of articles (N,) as `row` does."""
        row_of = self.row_of
        rows = [row_of.get(article_id, 0) for article_id in article_ids]
        if rows and max(rows) >= self.count:
            return [self.row(article_id) for article_id in article_ids]
        return rows

    def current_rows(self, *, without: Sequence[int] = ()) -> np.ndarray:
        """Give the rows of all articles in their newest state, the unknown one left out."""
        current = np.ones(self.count, dtype=bool)
        current[0] = False
        current[self.replaced] = False
        current[list(without)] = False
        return current.nonzero()[0]

    def __len__(self) -> int:
        """Count the articles, without the unknown one."""
        return self.count - 1 - len(self.replaced)

    def table(self) -> ArticleTable:
        """Give ids and vectors as an article table, whose rows are not this snapshot's."""
        rows = self.current_rows()
        kind = pl.Int64 if self.holds_integers else pl.String
        ids = pl.Series([self.ids[row] for row in rows.tolist()], dtype=kind)
        if not len(self.replaced):
            return ArticleTable(ids, self.vectors[: self.count])
        return ArticleTable(ids, self.vectors[np.append(0, rows)])

    @property
    def holds_integers(self) -> bool:
        """Whether article ids are integers (EB-NeRD), not strings (MIND)."""
        return isinstance(self.ids[1], int)

    def require_kind(self, field: str, article_id: object) -> None:
        """Raise InputError, naming `field`, for an id that no article of this table can have."""
        kind = (int, np.integer) if self.holds_integers else str
        if isinstance(article_id, bool) or not isinstance(article_id, kind):
            expected = "an integer" if self.holds_integers else "a string"
            raise InputError(f"{field}: expected {expected} as article id, found {article_id!r}")

    def require_own_id(self, field: str, article_id: object) -> None:
        """Raise InputError, naming `field`, for an id that no article may be added under."""
        self.require_kind(field, article_id)
        if article_id in (0, ""):
            raise InputError(f"{field}: {article_id!r} is no article's id: 0 pads histories")
        if isinstance(article_id, int) and not -(2**63) <= article_id < 2**63:
            raise InputError(f"{field}: expected an integer of 64 bits, found {article_id}")


class ArticleStore:
    """Holds the newest snapshot; writers take turns."""

    def __init__(
        self,
        articles: pl.DataFrame,
        vectors: np.ndarray,
        tokens: np.ndarray | None,
        *,
        max_added: int | None = None,
    ) -> None:
        """Take over a bundle's articles (R - 1 rows), vectors (R, D) and tokens (R, T).

        Of others at most `max_added` are taken, any number where it is None.
        """
        self._at_first, self._max_added = len(articles), max_added
        ids = articles["article_id"].to_list()
        self._lock = Lock()
        self.snapshot = Snapshot(
            # np.asarray: indexing numpy's own memmap class is slower, and copies stay of that class
            vectors=np.asarray(vectors),
            tokens=None if tokens is None else np.asarray(tokens),
            count=len(vectors),
            row_of={article_id: row for row, article_id in enumerate(ids, start=1)},
            ids=[None, *ids],
            titles=["", *articles["title"].fill_null("")],
            categories=["", *articles["category"].fill_null("")],
            replaced=np.empty(0, dtype=np.int64),
            earlier={},
        )

    @property
    def added(self) -> int:
        """How many articles there are that the bundle did not bring."""
        return len(self.snapshot) - self._at_first

    def put(
        self, articles: Sequence[Article], vectors: np.ndarray, tokens: np.ndarray | None
    ) -> int:
        """Add or update articles (U,) with vectors (U, D) and tokens (U, T); gives how many anew.

        Of two with one id the later counts. Raises FullError, and takes none, where they are more
        than may be added.
        """
        with self._lock:
            now = self.snapshot
            if self._max_added is not None:
                more = sum(not now.row(each) for each in {each.article_id for each in articles})
                if more and self.added + more > self._max_added:
                    raise FullError(
                        f"articles: {self.added:,} were added already, and {more:,} more are over "
                        f"the {self._max_added:,} that may be; export the run again with them"
                    )
            if now.count + len(articles) > len(now.vectors):
                now = _grown(now, len(articles))
            end = now.count + len(articles)
            now.vectors[now.count : end] = vectors
            if now.tokens is not None:
                now.tokens[now.count : end] = tokens
            now.ids.extend(article.article_id for article in articles)
            now.titles.extend(article.title[:_SHOWN_TITLE] for article in articles)
            now.categories.extend(article.category for article in articles)
            # Last, since an id that is found must have all else in its place.
            replaced = []
            for row, article in enumerate(articles, start=now.count):
                if old := now.row_of.get(article.article_id):
                    replaced.append(old)
                    now.earlier[row] = old
                now.row_of[article.article_id] = row
            left_behind = np.append(now.replaced, np.array(replaced, dtype=np.int64))
            self.snapshot = replace(now, count=end, replaced=left_behind)
            return len(articles) - len(replaced)


def _grown(now: Snapshot, more: int) -> Snapshot:
    """Copy the newest states into arrays of twice the size, or what `more` rows take.

    What is not written yet takes no memory: the system gives pages when they are first touched.
    """
    rows = np.append(0, now.current_rows())
    capacity = max(2 * len(rows), len(rows) + more)
    kept = rows.tolist()
    ids = [now.ids[row] for row in kept]
    return Snapshot(
        vectors=_with_room(now.vectors, rows, capacity),
        tokens=None if now.tokens is None else _with_room(now.tokens, rows, capacity),
        count=len(rows),
        row_of={article_id: row for row, article_id in enumerate(ids) if article_id is not None},
        ids=ids,
        titles=[now.titles[row] for row in kept],
        categories=[now.categories[row] for row in kept],
        replaced=np.empty(0, dtype=np.int64),
        earlier={},
    )


def _with_room(array: np.ndarray, rows: np.ndarray, capacity: int) -> np.ndarray:
    room = np.empty((capacity, *array.shape[1:]), dtype=array.dtype)
    room[: len(rows)] = array[rows]
    return room
