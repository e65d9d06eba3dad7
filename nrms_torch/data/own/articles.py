"""A site's raw articles: checked, with integer ids where all are whole numbers."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nrms_torch.data.own.mapping import ARTICLES, Section
from nrms_torch.data.own.raw import ROW, RawTable, read_tables
from nrms_torch.data.own.summary import READ, USED, Summary
from nrms_torch.data.schema import ARTICLE_ID, BODY, SUBTITLE, TITLE
from nrms_torch.errors import InputError

CATEGORY_NAME = "category_str"
PUBLISHED = "published_time"
_ID_TEXT = "id as text"
_PLACE = "place"
# Text that is the only one of its number, of an id above 0: 0 stands for no article.
_WHOLE_NUMBER = r"^[1-9][0-9]{0,17}$"


@dataclass(frozen=True)
class OwnArticles:
    """The articles; a code is an article's row in `table`.

    `table` has ARTICLE_ID (Int64 or String), TITLE, SUBTITLE, BODY, CATEGORY_NAME and PUBLISHED
    (microseconds since 1970, null where nobody says).
    """

    table: pl.DataFrame
    texts: pl.Series

    def codes(self, ids: pl.Series) -> pl.Series:
        """Give the codes (UInt32) of ids that are texts; null for null and unknown ones."""
        numbers = pl.int_range(len(self.texts), dtype=pl.UInt32, eager=True)
        return ids.replace_strict(self.texts, numbers, default=None, return_dtype=pl.UInt32)

    def id_lists(self, codes: pl.Series) -> pl.Series:
        """Give lists of ids, of the type that they have in `table`, for lists of codes."""
        ids = self.table[ARTICLE_ID]
        numbers = pl.int_range(len(ids), dtype=pl.UInt32, eager=True)
        lists = pl.col(codes.name).list.eval(pl.element().replace_strict(numbers, ids))
        return codes.to_frame().select(lists).to_series()

    def write(self, path: Path) -> None:
        """Write the articles as a parquet of EB-NeRD's columns."""
        moment = pl.col(PUBLISHED).cast(pl.Datetime("us"))
        self.table.with_columns(moment).write_parquet(path)


def read_own_articles(section: Section, summary: Summary, *, stop_at_bad: bool) -> OwnArticles:
    """Read the articles of a mapping; InputError where they cannot be read or an id is twice."""
    parts = [_read(table, summary, stop_at_bad=stop_at_bad) for table in read_tables(section)]
    articles = pl.concat(parts)
    if articles.is_empty():
        raise InputError(f"{section.place}: no article has an id")
    again = articles.filter(~pl.col(_ID_TEXT).is_first_distinct())
    if len(again):
        place, text = again.select(_PLACE, _ID_TEXT).row(0)
        raise InputError(f"{place}: article {text!r} again; expected one row an article")
    summary.count(ARTICLES, USED, len(articles))
    texts = articles[_ID_TEXT]
    is_whole = texts.str.contains(_WHOLE_NUMBER).all()
    ids = (texts.cast(pl.Int64) if is_whole else texts).alias(ARTICLE_ID)
    return OwnArticles(articles.select(ids, pl.exclude(_ID_TEXT, _PLACE)), texts)


def _read(table: RawTable, summary: Summary, *, stop_at_bad: bool) -> pl.DataFrame:
    ids = table.ids("id").alias(_ID_TEXT)
    published = pl.Series(PUBLISHED, [None], dtype=pl.Int64).new_from_index(0, len(ids))
    if "published" in table:
        published = table.times("published", stop_at_bad=stop_at_bad).alias(PUBLISHED)
    texts = {TITLE: "title", SUBTITLE: "subtitle", BODY: "body", CATEGORY_NAME: "category"}
    frame = pl.DataFrame([ids, *(table.text(key).alias(name) for name, key in texts.items())])
    place = pl.format("{}, row {}", pl.lit(table.name), table.frame[ROW]).alias(_PLACE)
    frame = frame.with_columns(published, place)
    summary.count(ARTICLES, READ, len(frame))
    summary.count(ARTICLES, "without an id", ids.null_count())
    return frame.drop_nulls(_ID_TEXT)
