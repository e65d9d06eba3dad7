"""EB-NeRD's parquet folders: behaviors, histories and articles as the package's own tables."""

from pathlib import Path
from typing import NamedTuple

import polars as pl

from nrms_torch.data import checks, columns
from nrms_torch.data.checks import ROW, Rule
from nrms_torch.data.columns import (
    ID,
    INTEGER,
    INTEGER_LIST,
    TEXT,
    TEXT_LIST,
    Kind,
    has_lists_of_text,
)
from nrms_torch.data.schema import (
    ARTICLE_ID,
    BODY,
    CATEGORY,
    CLICKED,
    HISTORY,
    HISTORY_KEY,
    IMPRESSION_ID,
    INVIEW,
    PAGE,
    READ_SECONDS,
    READER,
    SPLITS,
    SUBTITLE,
    TIME,
    TITLE,
    Split,
)

USER_ID = "user_id"
IDS_INVIEW = "article_ids_inview"
IDS_CLICKED = "article_ids_clicked"
IDS_HISTORY = "article_id_fixed"
CATEGORY_NAME = "category_str"
IMPRESSION_TIME = "impression_time"
BEHAVIORS_FILE, HISTORY_FILE = "behaviors.parquet", "history.parquet"
ARTICLES_FILE = "articles.parquet"
_PUBLISHED = "published_time"
_READ_TIME = "read_time"

_FOLDERS = {split: split for split in SPLITS}
# All that a data folder can have.
FILES = (
    ARTICLES_FILE,
    *(f"{split}/{name}" for split in SPLITS for name in (BEHAVIORS_FILE, HISTORY_FILE)),
)


class _Ids(NamedTuple):
    """The type of article ids, and the kind of their lists in a file."""

    dtype: type[pl.DataType]
    lists: Kind

    def no_null(self, column: str) -> pl.Expr:
        """A column of lists, an empty one in place of null."""
        lists = pl.List(self.dtype)
        return pl.col(column).fill_null(pl.lit([], dtype=lists))

    def history(self) -> pl.Expr:
        """The column of histories under the package's own name."""
        return self.no_null(IDS_HISTORY).alias(HISTORY)


_INTEGER_IDS, _STRING_IDS = _Ids(pl.Int64, INTEGER_LIST), _Ids(pl.String, TEXT_LIST)


def available_splits(folder: Path) -> list[str]:
    """The splits that the folder has: those of train, validation and test with a folder there.

    Raises InputError where there is no such data folder.
    """
    return checks.available_splits(folder, _FOLDERS)


def split_files(folder: Path, split: str) -> list[Path]:
    """The files that `read_split` reads; InputError where the split or one of them is missing.

    There need be no history.parquet where each impression has a history of its own.
    """
    root = checks.split_folder(folder, split, _FOLDERS)
    (behaviors,) = checks.required_files(root, BEHAVIORS_FILE)
    if not (root / HISTORY_FILE).exists() and IDS_HISTORY in _schema(behaviors):
        return [behaviors]
    return [behaviors, *checks.required_files(root, HISTORY_FILE)]


def read_split(folder: Path, split: str) -> Split:
    """Read one split, checked, from `behaviors.parquet` and `history.parquet` in its folder.

    HISTORY_KEY is the user id. A user that is null or has no row in history.parquet is allowed: the
    key is then not in `histories`, which stands for an empty history. A null list, of clicks or of
    a history, is read as an empty one; a null among the clicked ids names no article and is
    dropped. The split is labelled where behaviors.parquet has `article_ids_clicked`; EB-NeRD's
    test set has not.

    Ids may be strings, and histories the impressions' own, as in data that is converted from other
    logs: see `read_files`.

    Raises InputError on a missing, damaged or empty file, on a missing column or one of the wrong
    type, and on a row that no impression or history can have.
    """
    behaviors, *histories = split_files(folder, split)
    has_strings = has_lists_of_text(_schema(behaviors).get(IDS_INVIEW))
    return read_files(behaviors, *histories, integer_ids=not has_strings)


def read_files(
    behaviors: Path, histories: Path | None = None, *, integer_ids: bool = True
) -> Split:
    """Read a split from its two files, as `read_split` does, or from behaviors alone.

    Without histories each impression has its own, in the column `article_id_fixed`, and needs no
    user; HISTORY_KEY is its row number. Without `integer_ids` article ids are strings.

    Raises InputError as `read_split` does.
    """
    ids = _INTEGER_IDS if integer_ids else _STRING_IDS
    key, more = (USER_ID, {USER_ID: INTEGER}) if histories else (ROW, {IDS_HISTORY: ids.lists})
    table, labelled = _scan_behaviors(behaviors, ids, more)
    clicked = [pl.col(IDS_CLICKED).alias(CLICKED)] if labelled else []
    keyed = pl.col(key).cast(pl.Int64).alias(HISTORY_KEY)
    return Split(
        folder=behaviors.parent,
        impressions=table.select(IMPRESSION_ID, keyed, pl.col(IDS_INVIEW).alias(INVIEW), *clicked),
        histories=_scan_histories(histories, ids)
        if histories
        else table.select(keyed, ids.history()),
        labelled=labelled,
    )


def read_visits(folder: Path, split: str) -> pl.LazyFrame | None:
    """Read when each impression of a split was shown, in order, and to whom; None without times.

    Columns TIME, READER, READ_SECONDS on the page, and PAGE, the article whose page it was; null
    where a column is not there.

    Raises InputError on a column of the wrong type.
    """
    optional = {
        IMPRESSION_TIME: columns.TIME,
        USER_ID: ID,
        _READ_TIME: columns.NUMBER,
        ARTICLE_ID: ID,
    }
    table = checks.scan_parquet(split_files(folder, split)[0], {}, optional)
    there = table.collect_schema().names()
    if IMPRESSION_TIME not in there:
        return None
    names = zip(optional, (TIME, READER, READ_SECONDS, PAGE), strict=True)
    return table.select(
        (pl.col(column) if column in there else pl.lit(None)).alias(name) for column, name in names
    )


def read_published(folder: Path) -> pl.LazyFrame | None:
    """Read when articles were published: ARTICLE_ID and TIME; None where none are told.

    Raises InputError on a missing or damaged file, and on a column of the wrong type.
    """
    if not (found := article_files(folder)):
        return None
    table = checks.scan_parquet(found[0], {ARTICLE_ID: ID}, {_PUBLISHED: columns.TIME})
    if _PUBLISHED not in table.collect_schema():
        return None
    return table.select(ARTICLE_ID, pl.col(_PUBLISHED).alias(TIME))


def article_files(folder: Path) -> list[Path]:
    """The files that `read_articles` reads: articles.parquet, where it is there."""
    return [path for path in [folder / ARTICLES_FILE] if path.exists()]


def missing_article_files(folder: Path) -> list[Path]:
    """None: all splits share articles.parquet, and document vectors may stand in for it."""
    return []


def read_articles(folder: Path) -> pl.LazyFrame | None:
    """Read `articles.parquet`, checked: one row an article (the last of those with equal ids).

    Columns ARTICLE_ID (Int64, or String), TITLE, SUBTITLE, BODY and CATEGORY (the category's name,
    its number where there is no name): strings, empty where null or where the file has no such
    column.
    None where the folder has no articles.parquet: document vectors may stand in.

    Raises InputError on a missing folder, on a damaged or empty file, on a missing column or one
    of the wrong type, and on a null article id.
    """
    checks.require_folder(folder)
    if not (found := article_files(folder)):
        return None
    (path,) = found
    texts = {SUBTITLE: TEXT, BODY: TEXT, CATEGORY_NAME: TEXT, CATEGORY: columns.CATEGORY}
    table = checks.scan_parquet(path, {ARTICLE_ID: ID, TITLE: TEXT}, texts)
    with checks.reading_parquet(path):
        checks.check_rows(
            table, path, pl.format("row {}", ROW), [checks.not_null(ARTICLE_ID, "an id")]
        )
    names = table.collect_schema().names()
    sources = {TITLE: TITLE, SUBTITLE: SUBTITLE, BODY: BODY}
    sources[CATEGORY] = CATEGORY_NAME if CATEGORY_NAME in names else CATEGORY
    texts_of_all = [
        (pl.col(source) if source in names else pl.lit("")).fill_null("").alias(column)
        for column, source in sources.items()
    ]
    return table.select(ARTICLE_ID, *texts_of_all).unique(
        ARTICLE_ID, keep="last", maintain_order=True
    )


def _schema(path: Path) -> pl.Schema:
    with checks.reading_parquet(path):
        return pl.scan_parquet(path, glob=False).collect_schema()


def _scan_behaviors(path: Path, ids: _Ids, more: dict[str, Kind]) -> tuple[pl.LazyFrame, bool]:
    """The checked impressions under EB-NeRD's own column names, and whether they have labels."""
    required = {IMPRESSION_ID: INTEGER, IDS_INVIEW: ids.lists, **more}
    table = checks.scan_parquet(path, required, {IDS_CLICKED: ids.lists})
    inview = pl.col(IDS_INVIEW)
    rules = [
        checks.not_null(IMPRESSION_ID, "an id"),
        checks.not_null(IDS_INVIEW, "a list of article ids"),
        Rule(
            f"column {IDS_INVIEW}",
            inview.list.len() == 0,
            pl.lit("an empty list"),
            "at least one article id",
        ),
    ]
    labelled = IDS_CLICKED in table.collect_schema()
    if labelled:
        table = table.with_columns(ids.no_null(IDS_CLICKED).list.drop_nulls())
        unseen = pl.col(IDS_CLICKED).list.set_difference(inview)
        rules.append(
            Rule(
                f"column {IDS_CLICKED}",
                unseen.list.len() > 0,
                pl.format("article {}", unseen.list.first()),
                f"an article of {IDS_INVIEW}",
            )
        )
    place = pl.format("row {} (impression {})", ROW, pl.col(IMPRESSION_ID).fill_null("null"))
    with checks.reading_parquet(path):
        checks.check_rows(table, path, place, rules)
    return table, labelled


def _scan_histories(path: Path, ids: _Ids) -> pl.LazyFrame:
    """The checked histories, one row a user."""
    table = checks.scan_parquet(path, {USER_ID: INTEGER, IDS_HISTORY: ids.lists}, {})
    user = pl.col(USER_ID)
    rules = [
        checks.not_null(USER_ID, "an id"),
        Rule(
            f"column {USER_ID}",
            ~user.is_first_distinct(),
            pl.format("user {} again", user),
            "one row a user",
        ),
    ]
    with checks.reading_parquet(path):
        checks.check_rows(table, path, pl.format("row {}", ROW), rules)
    return table.select(user.alias(HISTORY_KEY), ids.history())
