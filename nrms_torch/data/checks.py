"""Checks that the readers share: each turns a broken folder or table into one clear line."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import polars as pl

from nrms_torch.data.columns import Kind
from nrms_torch.data.schema import SPLITS
from nrms_torch.errors import InputError, first_line

ROW = "row number"
LONGEST_FOUND = 120  # characters
# A damaged file makes polars raise one of these; the panic is no subclass of the other two.
READ_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


class Rule(NamedTuple):
    """What must hold in every row: `broken` is true where it does not.

    `field` names the column in the error (empty: the whole row), `found` is the text of what
    stands there and `expected` of what should.
    """

    field: str
    broken: pl.Expr
    found: pl.Expr
    expected: str


def not_null(column: str, expected: str) -> Rule:
    """The rule that a column has no nulls."""
    return Rule(f"column {column}", pl.col(column).is_null(), pl.lit("null"), expected)


def require_folder(folder: Path) -> None:
    """Raise InputError unless `folder` is a folder."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected a folder of impressions")


def available_splits(folder: Path, folders: Mapping[str, str]) -> list[str]:
    """The splits that a data folder has, where `folders` maps a split to its folder's name.

    Raises InputError where there is no such data folder.
    """
    require_folder(folder)
    return [split for split in SPLITS if (folder / folders[split]).is_dir()]


def split_folder(folder: Path, split: str, folders: Mapping[str, str]) -> Path:
    """The folder of one split; raises InputError where the split is unknown or not there."""
    splits = available_splits(folder, folders)
    if split not in splits:
        fault = f"no folder {folders[split]}" if split in folders else "no such split"
        there = ", ".join(splits) or f"a folder of {', '.join(folders.values())}"
        raise InputError(f"{folder}, split {split!r}: {fault}; expected {there}")
    return folder / folders[split]


def require_file(path: Path) -> None:
    """Raise InputError unless `path` is a file with something in it."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; expected a file")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: is an empty file (0 bytes)")


def required_files(folder: Path, *names: str) -> list[Path]:
    """The files of a folder by name; InputError unless each is a file with something in it."""
    paths = [folder / name for name in names]
    for path in paths:
        require_file(path)
    return paths


@contextmanager
def reading_parquet(path: Path) -> Iterator[None]:
    """Turn what polars raises on a truncated or damaged parquet file into an InputError."""
    try:
        yield
    except READ_ERRORS as error:
        raise InputError(
            f"{path}: cannot be read; expected a whole parquet file ({first_line(error)})"
        ) from error


def scan_parquet(
    path: Path, required: Mapping[str, Kind], optional: Mapping[str, Kind]
) -> pl.LazyFrame:
    """Scan a parquet file lazily: ROW (counted from 1) and those of the named columns it has.

    Each column is read as the one type of its kind. Raises InputError on a missing or unreadable
    file, on a missing required column, on a column of another kind than named, and on a value that
    is none of its column's kind.
    """
    require_file(path)
    with reading_parquet(path):
        # The path is one file's, whatever brackets or stars are in it.
        table = pl.scan_parquet(path, glob=False, row_index_name=ROW, row_index_offset=1)
        schema = table.collect_schema()
    missing = [name for name in required if name not in schema]
    if missing:
        raise InputError(f"{path}: no column {', '.join(missing)}; expected {', '.join(required)}")
    kinds = {name: kind for name, kind in {**required, **optional}.items() if name in schema}
    rules = []
    for name, kind in kinds.items():
        dtype, column = schema[name], pl.col(name)
        if not kind.accepts(dtype):
            raise InputError(
                f"{path}, column {name}: found {dtype}; expected {kind.name}, "
                f"in polars {kind.turn.format(repr(name))}"
            )
        if kind.wrong is not None and kind.may_be_wrong(dtype):
            wrong = kind.wrong(column, dtype)
            expected = f"{kind.name} that {dtype} and Int64 hold exactly"
            rules.append(Rule(f"column {name}", wrong.is_not_null(), wrong, expected))
    if rules:
        with reading_parquet(path):
            check_rows(table.select(ROW, *kinds), path, pl.format("row {}", ROW), rules)
    return table.select(
        ROW, *(kind.read(pl.col(name), schema[name]) for name, kind in kinds.items())
    )


def check_rows(table: pl.LazyFrame, path: Path, place: pl.Expr, rules: Sequence[Rule]) -> None:
    """Check every row of a table in one streaming pass that keeps no row in memory.

    `table` has ROW; `place` is the text by which a row is named. Raises InputError where the table
    has no rows and, where rules are broken, for the first such row and the first rule it breaks.
    """
    broken = [
        pl.when(rule.broken).then(ROW).min().alias(str(number)) for number, rule in enumerate(rules)
    ]
    # Counting the values decodes every column, so that a damaged one is found here.
    summary = table.select(pl.len().alias(ROW), *broken, pl.exclude(ROW).count())
    rows, *firsts = summary.collect(engine="streaming").row(0)[: 1 + len(rules)]
    if rows == 0:
        raise InputError(f"{path}: found no rows; expected at least one")
    failed = [(row, number) for number, row in enumerate(firsts) if row is not None]
    if not failed:
        return
    row, number = min(failed)
    rule = rules[number]
    where, found = (
        table.filter(pl.col(ROW) == row)
        .select(place.alias("where"), rule.found.alias("found"))
        .collect(engine="streaming")
        .row(0)
    )
    spot = ", ".join(filter(None, [str(path), where, rule.field]))
    raise InputError(f"{spot}: found {_one_line(found)}; expected {rule.expected}")


def _one_line(found: str) -> str:
    """What a file holds, fit for an error: control characters escaped, and not too long."""
    text = repr(found)[1:-1]
    return text if len(text) <= LONGEST_FOUND else text[:LONGEST_FOUND] + "…"
