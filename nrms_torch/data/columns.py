"""Kinds of columns: the types that mean the same, as pandas, Arrow, Spark and DuckDB write them.

One place, for training, prediction, uploads and drift. A column is read as what it means, or told
with its type and how to turn it; never rounded.
"""

from collections.abc import Callable
from typing import NamedTuple

import polars as pl

# The largest whole number up to which a floating-point type holds every one.
_EXACT: dict[pl.DataType, int] = {pl.Float32(): 2**24, pl.Float64(): 2**53}
_DIGITS = 38  # of polars' longest decimal
_TEXTS = (pl.String, pl.Categorical, pl.Enum)
# Whatever they hold fits into Int64, the type of every id of EB-NeRD.
_FITTING = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.Null)


class Kind(NamedTuple):
    """A kind of column: its name in an error, the types that are of it, and how they are read.

    `read` turns a column into the one type that the package works with; `turn` tells how a column
    of another type becomes one. `wrong` gives of each row the first value, as text, that is none.
    """

    name: str
    accepts: Callable[[pl.DataType], bool]
    read: Callable[[pl.Expr, pl.DataType], pl.Expr]
    turn: str
    wrong: Callable[[pl.Expr, pl.DataType], pl.Expr] | None = None

    def may_be_wrong(self, dtype: pl.DataType) -> bool:
        """Tell whether a column of this type can hold a value that is not of the kind."""
        return (_inner(dtype) or dtype) not in (*_TEXTS, *_FITTING)


def _is_whole(dtype: pl.DataType) -> bool:
    numbers = dtype.is_integer() or dtype.is_decimal() or dtype in _EXACT
    return (numbers and _can_be_cast(dtype)) or dtype == pl.Null


def _can_be_cast(dtype: pl.DataType) -> bool:
    """Tell all types from a decimal of more digits than polars' longest, which Arrow may have."""
    return not isinstance(dtype, pl.Decimal) or (dtype.precision or _DIGITS) <= _DIGITS


def _is_text(dtype: pl.DataType) -> bool:
    return dtype in _TEXTS or dtype == pl.Null


def _inner(dtype: pl.DataType) -> pl.DataType | None:
    """Give the type of a list's elements; of an array of one dimension too."""
    if isinstance(dtype, pl.List | pl.Array):
        inner = dtype.inner
        return inner if isinstance(inner, pl.DataType) else inner()
    return None


def _lists_of(accepts: Callable[[pl.DataType], bool]) -> Callable[[pl.DataType], bool]:
    def accepts_lists(dtype: pl.DataType) -> bool:
        inner = _inner(dtype)
        return dtype == pl.Null or (inner is not None and accepts(inner))

    return accepts_lists


def _whole(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_float():
        column = column.fill_nan(None)  # pandas' word for a missing number
    return column.cast(pl.Int64, strict=False)


def _not_whole(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Give a value, as text, where it is no whole number that Int64 or its own type can hold."""
    if dtype in _EXACT:
        fits = (column.round(0) == column) & (column.abs() <= _EXACT[dtype])
        fits = fits | column.is_nan()
    else:
        fits = column.cast(pl.Int64, strict=False).cast(dtype, strict=False) == column
    return pl.when(column.is_not_null() & ~fits.fill_null(value=False)).then(column.cast(pl.String))


def _as_lists(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    return column.arr.to_list() if isinstance(dtype, pl.Array) else column


def _list_of_whole(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    inner = _inner(dtype)
    if inner is None:
        return column.cast(pl.List(pl.Int64))
    if not inner.is_float():  # many times faster
        return _as_lists(column, dtype).cast(pl.List(pl.Int64), strict=False)
    return _as_lists(column, dtype).list.eval(_whole(pl.element(), inner))


def _not_whole_in_list(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    inner = _inner(dtype)
    assert inner is not None, "a null column holds nothing wrong"
    lists = _as_lists(column, dtype)
    return lists.list.eval(_not_whole(pl.element(), inner)).list.drop_nulls().list.first()


def _text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    return column.cast(pl.String)


def _list_of(element: pl.DataType) -> Callable[[pl.Expr, pl.DataType], pl.Expr]:
    return lambda column, dtype: _as_lists(column, dtype).cast(pl.List(element))


def _id(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    return _text(column, dtype) if dtype in _TEXTS else _whole(column, dtype)


def _time(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Read a time without a zone as it stands, and one with a zone as UTC."""
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return column.cast(pl.Datetime("us"))


def _is_id(dtype: pl.DataType) -> bool:
    return _is_whole(dtype) or _is_text(dtype)


def has_lists_of_text(dtype: pl.DataType | None) -> bool:
    """Tell whether a column of this type, None where there is none, has lists of texts."""
    return dtype is not None and _inner(dtype) in _TEXTS


def is_index(name: str) -> bool:
    """Tell whether a column is pandas' numbering of rows."""
    return name.startswith("__index_level_")


INTEGER = Kind("an integer", _is_whole, _whole, "pl.col({}).cast(pl.Int64)", _not_whole)
ID = Kind("an integer or a string", _is_id, _id, "pl.col({}).cast(pl.Int64)", _not_whole)
INTEGER_LIST = Kind(
    "a list of integers",
    _lists_of(_is_whole),
    _list_of_whole,
    "pl.col({}).cast(pl.List(pl.Int64))",
    _not_whole_in_list,
)
TEXT_LIST = Kind(
    "a list of strings",
    _lists_of(_is_text),
    _list_of(pl.String()),
    "pl.col({}).cast(pl.List(pl.String))",
)
TEXT = Kind("a string", _is_text, _text, "pl.col({}).cast(pl.String)")
CATEGORY = Kind(
    "an integer or a string",
    _is_id,
    lambda column, dtype: _id(column, dtype).cast(pl.String),
    "pl.col({}).cast(pl.String)",
    _not_whole,
)
TIME = Kind(
    "a time",
    lambda dtype: dtype in (pl.Datetime, pl.Date, pl.Null),
    _time,
    "pl.col({}).str.to_datetime(), or .cast(pl.Datetime) of microseconds",
)
VECTOR = Kind(
    "a list of numbers",
    lambda dtype: (
        (inner := _inner(dtype)) is not None and inner.is_numeric() and _can_be_cast(inner)
    ),
    _list_of(pl.Float32()),
    "pl.col({}).cast(pl.List(pl.Float32))",
)
NUMBER = Kind(
    "a number",
    lambda dtype: dtype.is_numeric() or dtype == pl.Null,
    lambda column, dtype: column.cast(pl.Float64),
    "pl.col({}).cast(pl.Float64)",
)
