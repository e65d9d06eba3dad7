"""MIND's tsv folders: behaviors and news as the package's own tables."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from nrms_torch.data import checks
from nrms_torch.data.checks import ROW, Rule
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
    SUBTITLE,
    TIME,
    TITLE,
    Split,
)
from nrms_torch.errors import InputError, first_line

IMPRESSIONS = "impressions"
ABSTRACT = "abstract"
USER_ID = "user_id"
BEHAVIORS_FIELDS = (IMPRESSION_ID, USER_ID, TIME, HISTORY, IMPRESSIONS)
NEWS_FIELDS = (
    ARTICLE_ID,
    CATEGORY,
    "subcategory",
    TITLE,
    ABSTRACT,
    "url",
    "title_entities",
    "abstract_entities",
)

_FOLDERS = {"train": "train", "validation": "dev", "test": "test"}
_BEHAVIORS, _NEWS = "behaviors.tsv", "news.tsv"
# All that a data folder can have.
FILES = tuple(f"{folder}/{name}" for folder in _FOLDERS.values() for name in (_BEHAVIORS, _NEWS))
_LINE = "line"
_REST = "rest"


def available_splits(folder: Path) -> list[str]:
    """The splits that the folder has: train, validation (MIND's folder `dev`) and test.

    Raises InputError where there is no such data folder.
    """
    return checks.available_splits(folder, _FOLDERS)


def split_files(folder: Path, split: str) -> list[Path]:
    """The files that `read_split` reads; InputError where the split or one of them is missing."""
    root = checks.split_folder(folder, "validation" if split == "dev" else split, _FOLDERS)
    return checks.required_files(root, _BEHAVIORS)


def read_split(folder: Path, split: str) -> Split:
    """Read one split, checked, from `behaviors.tsv` in its folder; `dev` is `validation` too.

    HISTORY_KEY is a 64-bit hash of the history as it is written, so that impressions with equal
    histories share one row of `histories`, whoever's they are. The split is labelled where the
    candidates of its first line are; then all must be, and none otherwise (MIND's test set).

    Raises InputError on a missing or empty file, on text that is not UTF-8, and on a line with
    too few or too many fields, an impression id that is no number, no candidates, or candidates
    with other labels than 0 and 1.
    """
    (behaviors_file,) = split_files(folder, split)
    behaviors, labelled = _scan_behaviors(behaviors_file)
    key = pl.col(HISTORY).hash(seed=0).reinterpret(signed=True)
    keyed = behaviors.with_columns(key.alias(HISTORY_KEY))
    candidates = _words(IMPRESSIONS)
    id_of = pl.element().str.head(-len("-0"))
    if labelled:
        clicked = candidates.list.eval(id_of.filter(pl.element().str.ends_with("-1")))
        lists = [candidates.list.eval(id_of).alias(INVIEW), clicked.alias(CLICKED)]
    else:
        lists = [candidates.alias(INVIEW)]
    return Split(
        folder=behaviors_file.parent,
        impressions=keyed.select(pl.col(IMPRESSION_ID).cast(pl.Int64), HISTORY_KEY, *lists),
        histories=keyed.select(HISTORY_KEY, HISTORY)
        .unique(HISTORY_KEY, keep="first", maintain_order=True)
        .select(HISTORY_KEY, _words(HISTORY)),
        labelled=labelled,
    )


def read_visits(folder: Path, split: str) -> pl.LazyFrame | None:
    """Read when each impression of a split was shown, in order, and to whom.

    Columns TIME, null where it is no time, READER, and READ_SECONDS and PAGE, which MIND has not.
    """
    table = _scan_tsv(split_files(folder, split)[0], BEHAVIORS_FIELDS)
    return table.select(
        pl.col(TIME).str.to_datetime("%m/%d/%Y %I:%M:%S %p", strict=False),
        pl.col(USER_ID).alias(READER),
        pl.lit(None, dtype=pl.Float64).alias(READ_SECONDS),
        pl.lit(None, dtype=pl.String).alias(PAGE),
    )


def read_published(folder: Path) -> None:
    """Give None: MIND does not tell when articles were published."""


def article_files(folder: Path) -> list[Path]:
    """The files that `read_articles` reads: each split's news.tsv, where it is there."""
    paths = (folder / _FOLDERS[split] / _NEWS for split in available_splits(folder))
    return [path for path in paths if path.exists()]


def missing_article_files(folder: Path) -> list[Path]:
    """The news.tsv that splits lack, where others have theirs."""
    splits = [folder / _FOLDERS[split] for split in available_splits(folder)]
    without = [split / _NEWS for split in splits if not (split / _NEWS).exists()]
    return without if len(without) < len(splits) else []


def read_articles(folder: Path) -> pl.LazyFrame | None:
    """Read the `news.tsv` of every split, checked: one row an article (the last of equal ids).

    Columns ARTICLE_ID, TITLE, SUBTITLE (always empty), BODY (MIND's abstract) and CATEGORY:
    strings, never null. None where no split has a news.tsv.

    Raises InputError on a missing folder, on an empty file, on text that is not UTF-8, and on a
    line with too few or too many fields or no article id.
    """
    tables = [_scan_news(path) for path in article_files(folder)]
    if not tables:
        return None
    texts = [pl.col(TITLE), pl.lit("").alias(SUBTITLE), pl.col(ABSTRACT).alias(BODY)]
    return (
        pl.concat(tables)
        .select(ARTICLE_ID, *texts, CATEGORY)
        .unique(ARTICLE_ID, keep="last", maintain_order=True)
    )


def _scan_behaviors(path: Path) -> tuple[pl.LazyFrame, bool]:
    """The checked lines of behaviors.tsv, and whether their candidates have labels."""
    table = _scan_tsv(path, BEHAVIORS_FIELDS)
    with _reading_tsv(path):
        first = table.head(1).select(pl.col(IMPRESSIONS).str.contains("-", literal=True))
        labelled = bool(first.collect().item())
    if labelled:
        shape = r"^[^ ]+-[01]$"
        expected = "ID-0 or ID-1, since the first line has labels"
    else:
        shape = r"^[^- ]+$"
        expected = "an id with no label, since the first line has none"
    candidates = _words(IMPRESSIONS)
    misshapen = candidates.list.eval(pl.element().filter(~pl.element().str.contains(shape)))
    rules = [
        Rule(
            _place(BEHAVIORS_FIELDS, IMPRESSION_ID),
            pl.col(IMPRESSION_ID).cast(pl.Int64, strict=False).is_null(),
            pl.format("'{}'", IMPRESSION_ID),
            "a whole number",
        ),
        Rule(
            _place(BEHAVIORS_FIELDS, IMPRESSIONS),
            candidates.list.len() == 0,
            pl.lit("no candidate"),
            "at least one",
        ),
        Rule(
            _place(BEHAVIORS_FIELDS, IMPRESSIONS),
            misshapen.list.len() > 0,
            pl.format("candidate '{}'", misshapen.list.first()),
            expected,
        ),
    ]
    _check_lines(table, path, BEHAVIORS_FIELDS, rules)
    return table, labelled


def _scan_news(path: Path) -> pl.LazyFrame:
    """The checked lines of one news.tsv."""
    table = _scan_tsv(path, NEWS_FIELDS)
    no_id = Rule(
        _place(NEWS_FIELDS, ARTICLE_ID), pl.col(ARTICLE_ID) == "", pl.lit("nothing"), "an id"
    )
    _check_lines(table, path, NEWS_FIELDS, [no_id])
    return table


def _scan_tsv(path: Path, fields: Sequence[str]) -> pl.LazyFrame:
    """Scan a tsv file lazily, line by line: ROW (counted from 1), the line, its fields, the rest.

    A missing field is null, as is the rest (a field too many) of a sound line.
    """
    checks.require_file(path)
    # A tsv reader would fill short lines with nulls and tell of long ones without their number,
    # so a line is read whole, between separators that no text has, and split here.
    lines = pl.scan_csv(
        path,
        has_header=False,
        separator="\0",
        quote_char=None,
        schema={_LINE: pl.String},
        row_index_name=ROW,
        row_index_offset=1,
        glob=False,
    ).with_columns(pl.col(_LINE).fill_null(""))
    split = pl.col(_LINE).str.split_exact("\t", len(fields)).struct.rename_fields([*fields, _REST])
    return lines.with_columns(split.alias(_REST)).unnest(_REST)


def _check_lines(
    table: pl.LazyFrame, path: Path, fields: Sequence[str], rules: Sequence[Rule]
) -> None:
    """Check that every line has all its fields, and `rules`."""
    complete = Rule(
        "",
        pl.col(fields[-1]).is_null() | pl.col(_REST).is_not_null(),
        pl.format("{} fields", pl.col(_LINE).str.count_matches("\t", literal=True) + 1),
        f"{len(fields)} separated by tabs",
    )
    with _reading_tsv(path):
        checks.check_rows(table, path, pl.format("line {}", ROW), [complete, *rules])


@contextmanager
def _reading_tsv(path: Path) -> Iterator[None]:
    """Turn what polars raises on a file that is no text into an InputError that names the line."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({first_line(error)})") from error
    except checks.READ_ERRORS as error:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not _is_text(line):
                    raise InputError(
                        f"{path}, line {number}: found bytes that are no text; expected UTF-8"
                    ) from error
        raise


def _is_text(line: bytes) -> bool:
    """Whether the line is UTF-8 and has no null byte."""
    try:
        return "\0" not in line.decode()
    except UnicodeDecodeError:
        return False


def _place(fields: Sequence[str], name: str) -> str:
    """A field by its number, since a tsv file has no header, and its name."""
    return f"field {fields.index(name) + 1} ({name})"


def _words(column: str) -> pl.Expr:
    """The words of a text as a list; a text of nothing but spaces has none."""
    return pl.col(column).str.split(" ").list.eval(pl.element().filter(pl.element() != ""))
