"""Every kind of broken input that can be handed to the readers, and what its owner is told."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from nrms_torch.data import ebnerd, mind
from nrms_torch.errors import InputError

Change = Callable[[Path], object]

BEHAVIORS = "train/behaviors.parquet"
HISTORY = "train/history.parquet"
ARTICLES = "articles.parquet"
TSV = "train/behaviors.tsv"
NEWS = "dev/news.tsv"


def table(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Change:
    return lambda path: change(pl.read_parquet(path)).write_parquet(path)


def cell(row: int, column: str, value: object) -> Change:
    """Put a value into a row counted from 1."""

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        values = rows[column].to_list()
        values[row - 1] = value
        return rows.with_columns(pl.Series(column, values, dtype=rows[column].dtype))

    return table(change)


def content(change: Callable[[bytes], bytes]) -> Change:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def swap(number: int, old: str, new: str, encoding: str = "utf-8") -> Change:
    """Replace text in a line counted from 1."""

    def change(text: bytes) -> bytes:
        lines = text.split(b"\n")
        assert old.encode() in lines[number - 1]
        lines[number - 1] = lines[number - 1].replace(old.encode(), new.encode(encoding), 1)
        return b"\n".join(lines)

    return content(change)


def turn_into_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def damaged(column: str) -> Change:
    """Zero the first bytes of a column's pages, in a file whose footer stays whole."""

    def change(path: Path) -> None:
        rows = pl.read_parquet(path)
        rows.select(column, pl.exclude(column)).write_parquet(path)
        text = path.read_bytes()
        path.write_bytes(text[:4] + bytes(40) + text[44:])

    return change


NO_PARQUET = "cannot be read; expected a whole parquet file"

MISSING_COLUMNS = [
    (BEHAVIORS, "impression_id"),
    (BEHAVIORS, "user_id"),
    (BEHAVIORS, "article_ids_inview"),
    (HISTORY, "user_id"),
    (HISTORY, "article_id_fixed"),
    (ARTICLES, "article_id"),
    (ARTICLES, "title"),
]

WRONG_TYPES = [
    (BEHAVIORS, "impression_id", pl.String, "an integer"),
    (BEHAVIORS, "impression_id", pl.Time, "an integer"),
    (BEHAVIORS, "user_id", pl.Boolean, "an integer"),
    (BEHAVIORS, "article_ids_inview", pl.String, "a list of integers"),
    (BEHAVIORS, "article_ids_inview", pl.Int32, "a list of integers"),
    (BEHAVIORS, "article_ids_clicked", pl.List(pl.String), "a list of integers"),
    (HISTORY, "user_id", pl.String, "an integer"),
    (HISTORY, "article_id_fixed", pl.List(pl.Boolean), "a list of integers"),
    (HISTORY, "article_id_fixed", pl.Int32, "a list of integers"),
    (ARTICLES, "article_id", pl.Date, "an integer or a string"),
    (ARTICLES, "title", pl.List(pl.String), "a string"),
    (ARTICLES, "category", pl.Date, "an integer or a string"),
]

# The file, what breaks it, the place in it that the error names, and what was found there.
EBNERD = {
    "behaviors missing": (BEHAVIORS, Path.unlink, "", "no such file"),
    "behaviors a folder": (BEHAVIORS, turn_into_folder, "", "is a folder; expected a file"),
    "behaviors of 0 bytes": (BEHAVIORS, content(lambda _: b""), "", "is an empty file"),
    "behaviors no parquet": (BEHAVIORS, content(lambda _: b"id,user\n1,2\n"), "", NO_PARQUET),
    "behaviors truncated": (BEHAVIORS, content(lambda text: text[:-60]), "", NO_PARQUET),
    "behaviors damaged": (BEHAVIORS, damaged("article_ids_inview"), "", NO_PARQUET),
    "behaviors without rows": (BEHAVIORS, table(pl.DataFrame.clear), "", "found no rows"),
    "impression id null": (
        BEHAVIORS,
        cell(2, "impression_id", None),
        ", row 2 (impression null), column impression_id",
        "found null; expected an id",
    ),
    "in-view null": (
        BEHAVIORS,
        cell(3, "article_ids_inview", None),
        ", row 3 (impression 19), column article_ids_inview",
        "found null; expected a list of article ids",
    ),
    "in-view empty": (
        BEHAVIORS,
        cell(1, "article_ids_inview", []),
        ", row 1 (impression 17), column article_ids_inview",
        "found an empty list; expected at least one article id",
    ),
    "clicked not in view": (
        BEHAVIORS,
        cell(2, "article_ids_clicked", [12, 99]),
        ", row 2 (impression 18), column article_ids_clicked",
        "found article 99; expected an article of article_ids_inview",
    ),
    "history missing": (HISTORY, Path.unlink, "", "no such file"),
    "history truncated": (HISTORY, content(lambda text: text[:-9]), "", NO_PARQUET),
    "history damaged": (HISTORY, damaged("article_id_fixed"), "", NO_PARQUET),
    "history without rows": (HISTORY, table(pl.DataFrame.clear), "", "found no rows"),
    "user null": (HISTORY, cell(1, "user_id", None), ", row 1, column user_id", "found null"),
    "user twice": (HISTORY, cell(2, "user_id", 5), ", row 2, column user_id", "found user 5 again"),
    "articles a folder": (ARTICLES, turn_into_folder, "", "is a folder; expected a file"),
    "articles truncated": (ARTICLES, content(lambda text: text[:-1]), "", NO_PARQUET),
    "articles damaged": (ARTICLES, damaged("title"), "", NO_PARQUET),
    "articles without rows": (ARTICLES, table(pl.DataFrame.clear), "", "found no rows"),
    "article id null": (
        ARTICLES,
        cell(3, "article_id", None),
        ", row 3, column article_id",
        "found null; expected an id",
    ),
}

ID, CANDIDATES = "field 1 (impression_id)", "field 5 (impressions)"
NO_TEXT = "found bytes that are no text; expected UTF-8"

MIND = {
    "behaviors missing": (TSV, Path.unlink, "", "no such file"),
    "behaviors a folder": (TSV, turn_into_folder, "", "is a folder; expected a file"),
    "behaviors of 0 bytes": (TSV, content(lambda _: b""), "", "is an empty file"),
    "field too few": (TSV, swap(2, "\tN5-1", ""), ", line 2", "found 4 fields; expected 5"),
    "field too many": (TSV, swap(3, "\t", "\t\t"), ", line 3", "found 6 fields; expected 5"),
    "blank line": (TSV, swap(1, "1\t", "\n1\t"), ", line 1", "found 1 fields; expected 5"),
    "id a word": (TSV, swap(2, "2\t", "two\t"), f", line 2, {ID}", "found 'two'; expected a whole"),
    "id absent": (TSV, swap(3, "3\t", "\t"), f", line 3, {ID}", "found ''; expected a whole"),
    "id of two lines": (TSV, swap(2, "2\t", "\r2\t"), f", line 2, {ID}", r"found '\r2'; expected"),
    "id endless": (
        TSV,
        swap(2, "2\t", "x" * 9999 + "\t"),
        f", line 2, {ID}",
        f"found '{'x' * 119}…;",
    ),
    "no candidate": (TSV, swap(2, "N5-1", " "), f", line 2, {CANDIDATES}", "found no candidate"),
    "label 2": (TSV, swap(1, "N5-1", "N5-2"), f", line 1, {CANDIDATES}", "found candidate 'N5-2'"),
    "label 10": (
        TSV,
        swap(1, "N5-1", "N5-10"),
        f", line 1, {CANDIDATES}",
        "found candidate 'N5-10'",
    ),
    "label alone": (TSV, swap(1, "N5-1", "-1"), f", line 1, {CANDIDATES}", "found candidate '-1'"),
    "label missing": (
        TSV,
        swap(3, "N4-1", "N4"),
        f", line 3, {CANDIDATES}",
        "found candidate 'N4'; expected ID-0 or ID-1, since the first line has labels",
    ),
    "label where others have none": (
        TSV,
        swap(1, "N4-0 N5-1 N6-0", "N4 N5 N6"),
        f", line 2, {CANDIDATES}",
        "found candidate 'N5-1'; expected an id with no label, since the first line has none",
    ),
    "behaviors in Latin-1": (TSV, swap(3, "N6", "Nø", "latin-1"), ", line 3", NO_TEXT),
    "behaviors with a null byte": (TSV, swap(2, "U2", "U\0"), ", line 2", NO_TEXT),
    "news a folder": (NEWS, turn_into_folder, "", "is a folder; expected a file"),
    "news of 0 bytes": (NEWS, content(lambda _: b""), "", "is an empty file"),
    "news field too few": (NEWS, swap(2, "\t[]", ""), ", line 2", "found 7 fields; expected 8"),
    "news title with a tab": (
        NEWS,
        swap(1, "Another title", "Another\ttitle"),
        ", line 1",
        "found 9 fields; expected 8 separated by tabs",
    ),
    "news in UTF-16": (
        NEWS,
        content(lambda text: text.decode().encode("utf-16")),
        ", line 1",
        NO_TEXT,
    ),
    "news without id": (NEWS, swap(2, "N3", ""), ", line 2, field 1 (article_id)", "found nothing"),
}


def refusal(read: Callable[[], object]) -> str:
    """The one line in which a reader refuses its input."""
    with pytest.raises(InputError) as caught:
        read()
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def refusal_of_ebnerd(folder: Path, file: str) -> str:
    if file == ARTICLES:
        return refusal(lambda: ebnerd.read_articles(folder))
    return refusal(lambda: ebnerd.read_split(folder, "train"))


@pytest.mark.parametrize(("file", "change", "place", "found"), EBNERD.values(), ids=EBNERD)
def test_ebnerd_names_the_place_and_what_it_found(ebnerd_folder, file, change, place, found):
    path = ebnerd_folder / file
    change(path)
    assert refusal_of_ebnerd(ebnerd_folder, file).startswith(f"{path}{place}: {found}")


@pytest.mark.parametrize(("file", "column"), MISSING_COLUMNS)
def test_ebnerd_names_the_missing_column(ebnerd_folder, file, column):
    path = ebnerd_folder / file
    pl.read_parquet(path).drop(column).write_parquet(path)
    message = refusal_of_ebnerd(ebnerd_folder, file)
    assert message.startswith(f"{path}: no column {column}; expected")


@pytest.mark.parametrize(("file", "column", "dtype", "kind"), WRONG_TYPES)
def test_ebnerd_names_the_column_of_a_wrong_type(ebnerd_folder, file, column, dtype, kind):
    path = ebnerd_folder / file
    pl.read_parquet(path).with_columns(pl.lit(None, dtype).alias(column)).write_parquet(path)
    message = refusal_of_ebnerd(ebnerd_folder, file)
    told = f"{path}, column {column}: found {dtype}; expected {kind}, in polars pl.col('{column}')"
    assert message.startswith(told)


@pytest.mark.parametrize(("file", "change", "place", "found"), MIND.values(), ids=MIND)
def test_mind_names_the_place_and_what_it_found(mind_folder, file, change, place, found):
    path = mind_folder / file
    change(path)
    if file == NEWS:
        message = refusal(lambda: mind.read_articles(mind_folder))
    else:
        message = refusal(lambda: mind.read_split(mind_folder, "train"))
    assert message.startswith(f"{path}{place}: {found}")


@pytest.mark.parametrize(
    ("reader", "fixture", "file"),
    [(ebnerd, "ebnerd_folder", BEHAVIORS), (mind, "mind_folder", TSV)],
)
def test_a_file_that_may_not_be_read_is_named(request, reader, fixture, file):
    folder = request.getfixturevalue(fixture)
    (folder / file).chmod(0)
    if os.access(folder / file, os.R_OK):
        pytest.skip("this user may read every file")
    message = refusal(lambda: reader.read_split(folder, "train"))
    assert message.startswith(f"{folder / file}: cannot be read")


@pytest.mark.parametrize("length", range(1, 12))
def test_no_truncation_of_a_parquet_file_gets_through(ebnerd_folder, length):
    path = ebnerd_folder / HISTORY
    text = path.read_bytes()
    path.write_bytes(text[: len(text) * length // 12])
    assert refusal(lambda: ebnerd.read_split(ebnerd_folder, "train")).startswith(str(path))


def test_a_line_is_counted_right_in_a_file_of_many(mind_folder):
    path = mind_folder / TSV
    path.write_text("1\tU\tT\tN1\tN2-1\n" * 70_000 + "1\tU\tT\tN1\n" + "1\tU\tT\tN1\tN2-1\n" * 9)
    message = refusal(lambda: mind.read_split(mind_folder, "train"))
    assert "line 70001: found 4 fields" in message
