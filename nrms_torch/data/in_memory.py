"""Tables in memory, of polars, pandas or Arrow, as a data folder in EB-NeRD's schema."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from nrms_torch.data.schema import SPLITS
from nrms_torch.errors import InputError, first_line
from nrms_torch.files import file_sha256, users_cache

Tables = Mapping[str, Any]

_ARTICLES, _VECTORS = "articles", "document_vectors"
_OF_SPLIT = ("behaviors", "history")


def data_folder(tables: Tables) -> Path:
    """Write tables as a data folder in the user's cache, named by their content; give the folder.

    `tables` has `articles`, `document_vectors`, or both, and a mapping of `behaviors` and
    `history` for each of `train`, `validation` and `test` that there is. Raises InputError for
    another name, and for what is no table.
    """
    frames = dict(_frames(tables))
    place = users_cache() / "tables"
    place.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".", dir=place))
    try:
        content = hashlib.sha256()
        for name, frame in sorted(frames.items()):
            file = temporary / f"{name}.parquet"
            file.parent.mkdir(exist_ok=True)
            frame.write_parquet(file)
            content.update(f"{name} {file_sha256(file)} ".encode())
        folder = place / content.hexdigest()[:16]
        if not folder.exists():
            temporary.rename(folder)
        return folder
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def as_polars(name: str, table: Any) -> pl.DataFrame:
    """Give a table of polars, pandas, Arrow or a mapping of columns as polars'.

    Raises InputError, naming the table, where it is none of these.
    """
    if isinstance(table, pl.DataFrame):
        return table
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    try:
        if isinstance(table, Mapping):
            return pl.DataFrame(dict(table))
        if hasattr(table, "iloc") and hasattr(table, "columns"):  # pandas, maybe without pyarrow
            return pl.DataFrame({str(name): _from_pandas(table[name]) for name in table.columns})
        if hasattr(table, "__arrow_c_stream__"):
            return pl.DataFrame(table)
    except (TypeError, ValueError, ImportError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{name}: cannot be read as a table: {first_line(error)}") from error
    raise InputError(
        f"{name}: expected a table of polars, pandas or Arrow, found {type(table).__name__}"
    )


def _frames(tables: Tables) -> Iterator[tuple[str, pl.DataFrame]]:
    known = (_ARTICLES, _VECTORS, *SPLITS)
    for name, table in tables.items():
        if name not in known:
            raise InputError(f"data: {name!r} is none of {', '.join(known)}")
        if name not in SPLITS:
            yield name, as_polars(name, table)
            continue
        if not isinstance(table, Mapping) or set(table) != set(_OF_SPLIT):
            raise InputError(f"data: {name}: expected a mapping of {' and '.join(_OF_SPLIT)}")
        for part in _OF_SPLIT:
            yield f"{name}/{part}", as_polars(f"{name}.{part}", table[part])


def _from_pandas(column: Any) -> pl.Series:
    if column.dtype.kind in "iufb":
        return pl.Series(column.to_numpy())
    if column.dtype.kind == "M":  # with a zone its numpy form would hold objects
        moments = column.dt.tz_convert("UTC").dt.tz_localize(None) if column.dt.tz else column
        return pl.Series(moments.to_numpy().astype("datetime64[us]"))
    missing = column.isna()
    values = (None if gone else value for value, gone in zip(column, missing, strict=True))
    return pl.Series([getattr(value, "tolist", lambda value=value: value)() for value in values])
