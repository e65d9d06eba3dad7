"""Raw tables: CSV, JSON lines, parquet or a table in memory, and the columns that a mapping names.

Ids come as text, whatever type they have in the file, and times as microseconds since 1970.
"""

import csv
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from nrms_torch.data import checks
from nrms_torch.data.in_memory import as_polars
from nrms_torch.data.own.mapping import Section
from nrms_torch.data.own.times import parse_times
from nrms_torch.errors import InputError, first_line, nearest

ROW = checks.ROW  # counted from 1; the header of a CSV is none
_SEPARATORS = ",;\t|"
_KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}
# Ids in a text: `a b`, `a,b`, `["a", "b"]` and the like.
_ID_IN_TEXT = r"""[^\s,;|"'\[\](){}]+"""


class RawTable:
    """One raw file, or a table in memory: the columns of a section's keys, under the keys' names.

    Raises InputError where it cannot be read or lacks a column, naming the nearest that it has.
    """

    def __init__(self, section: Section, source: Any) -> None:
        self.section = section
        self.is_file = isinstance(source, Path)
        self.name = str(source) if self.is_file else f"{section.name} (in memory)"
        with self._reading():
            table = _scan(source) if self.is_file else _in_memory(self.name, source)
            self.columns = self._columns_of(table.collect_schema().names())
            wanted = {key: pl.col(column) for key, column in self.columns.items()}
            self.frame = table.select(ROW, **wanted).collect()
        if self.frame.is_empty():
            raise InputError(f"{self.name}: found no rows; expected at least one")

    def __contains__(self, key: str) -> bool:
        return key in self.columns

    def text(self, key: str) -> pl.Series:
        """A column of texts, empty where there is none."""
        if key not in self.columns:
            return pl.Series([""], dtype=pl.String).new_from_index(0, len(self.frame))
        column = self.frame[key]
        if column.dtype.is_nested():
            raise InputError(f"{self._place(key)}: found {column.dtype}; expected text")
        return column.cast(pl.String).fill_null("")

    def ids(self, key: str) -> pl.Series:
        """A column of ids as texts, null where there is none."""
        return self._as_ids(key, self.frame[key])

    def id_lists(self, key: str) -> pl.DataFrame:
        """A column of lists of ids, native or written as text, one row an id: ROW and `key`.

        Rows keep their order, and ids that of their list; an empty list has no row.
        """
        column = self.frame[key]
        if column.dtype == pl.String:
            column = column.str.extract_all(_ID_IN_TEXT)
        elif isinstance(column.dtype, pl.Array):
            column = column.arr.to_list()
        if not isinstance(column.dtype, pl.List):
            raise InputError(
                f"{self._place(key)}: found {column.dtype}; expected lists of ids, or text with "
                "blanks, commas or semicolons between them"
            )
        rows = self.frame.select(ROW).with_columns(column.alias(key))
        flat = rows.filter(pl.col(key).list.len() > 0).explode(key)
        return flat.with_columns(self._as_ids(key, flat[key]).alias(key)).drop_nulls(key)

    def times(self, key: str, *, stop_at_bad: bool) -> pl.Series:
        """A column of times in microseconds, null where there is none or, unless told to stop, bad.

        Raises InputError for the first row with something else than a time.
        """
        column = self.frame[key]
        micros = parse_times(column, self.section.time_format)
        if micros is None:
            raise InputError(f"{self._place(key)}: found {column.dtype}; expected times")
        if stop_at_bad and (micros.is_null() & self.is_told(key)).any():
            row = (micros.is_null() & self.is_told(key)).arg_max()
            assert row is not None
            wanted = self.section.time_format or (
                "a time such as 2026-11-28T09:30:00+01:00, or seconds or milliseconds since 1970; "
                "time_format names another form, bad_times=drop leaves such rows out"
            )
            raise InputError(
                f"{self._place(key, self.frame[ROW][row])}: found {str(column[row])!r}; "
                f"expected {wanted}"
            )
        return micros

    def is_told(self, key: str) -> pl.Series:
        """Which rows have anything in a column."""
        column = self.frame[key]
        told = column.is_not_null()
        return told & (column.str.strip_chars() != "") if column.dtype == pl.String else told

    def _as_ids(self, key: str, column: pl.Series) -> pl.Series:
        if column.dtype.is_float():  # how tables with gaps come from pandas
            whole = column.cast(pl.Int64, strict=False)
            if ((column.fill_nan(None) != whole) & column.is_not_nan()).any():
                raise InputError(f"{self._place(key)}: found numbers with fractions; expected ids")
            column = whole
        is_id = column.dtype.is_integer() or column.dtype in (
            *(pl.String, pl.Categorical, pl.Enum, pl.Null, pl.Boolean),
        )
        if not is_id:
            raise InputError(
                f"{self._place(key)}: found {column.dtype}; expected an integer or a string"
            )
        text = column.cast(pl.String).str.strip_chars()
        return text.set(text == "", None)

    def _columns_of(self, found: list[str]) -> dict[str, str]:
        """The column of each key that the table has."""
        columns = {}
        for key in self.section.keys:
            column = self.section.named.get(key, key)
            if column in found:
                columns[key] = column
            elif self.section.requires(key):
                told = "" if key in self.section.named else f" ({self.section.name}.{key} names it)"
                there = [name for name in found if name != ROW]
                hint = nearest(column, there) or f"; its columns are {', '.join(there)}"
                raise InputError(f"{self.name}: no column {column!r}{told}{hint}")
        return columns

    def _place(self, key: str, row: int | None = None) -> str:
        where = "" if row is None else f", row {row}"
        return f"{self.name}{where}, column {self.columns[key]}"

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Turn what polars raises on a damaged file into an InputError."""
        try:
            yield
        except (*checks.READ_ERRORS, EOFError, UnicodeDecodeError) as error:
            raise InputError(f"{self.name}: cannot be read: {first_line(error)}") from error


def read_tables(section: Section) -> Iterator[RawTable]:
    """Read the files of a section one after the other, or its table in memory."""
    for source in section.source if isinstance(section.source, list) else [section.source]:
        yield RawTable(section, source)


def _scan(path: Path) -> pl.LazyFrame:
    checks.require_file(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    suffix = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else path.suffix.lower()
    kind = _KINDS.get(suffix)
    if kind is None:
        raise InputError(f"{path}: expected a name that ends in {', '.join(_KINDS)} (or .gz)")
    if kind == "csv":
        return pl.scan_csv(
            path,
            separator=_separator(path),
            infer_schema=False,  # an id such as 007 stays as it is
            row_index_name=ROW,
            row_index_offset=1,
            glob=False,
        )
    if kind == "json":
        return pl.scan_ndjson(path, infer_schema_length=None).with_row_index(ROW, offset=1)
    return pl.scan_parquet(path, row_index_name=ROW, row_index_offset=1, glob=False)


def _separator(path: Path) -> str:
    """The sign that parts the fields of a CSV: the most frequent one of its header."""
    opener: Any = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig") as file:
        header = file.readline()
    counts = {sign: len(next(csv.reader([header], delimiter=sign), [])) for sign in _SEPARATORS}
    return max(counts, key=counts.__getitem__)


def _in_memory(name: str, table: Any) -> pl.LazyFrame:
    return as_polars(name, table).lazy().with_row_index(ROW, offset=1)
