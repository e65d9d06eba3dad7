"""Tables that are made in parts go to disk in parts."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source


def sink_tables(
    tables: Iterator[pl.DataFrame], schema: Mapping[str, pl.DataType], path: Path, rows: int
) -> None:
    """Stream tables into one parquet file with row groups of `rows`."""
    source = register_io_source(lambda *_: tables, schema=dict(schema))
    source.sink_parquet(path, row_group_size=rows)
