"""A console for what is the user's: titles, paths and settings, which are no markup."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import polars as pl
from rich.console import Console


def plain_console(*, least_width: int = 0) -> Console:
    """Make a console, at least so wide, that prints brackets and `:names:` as they are."""
    console = Console(markup=False, emoji=False)
    if console.width < least_width:
        console.width = least_width
    return console


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], object]]:
    """Show a bar for work that may take long, in a terminal; gives what is told of each part done.

    Where the `total` is not known it counts what is done.
    """
    from rich.progress import BarColumn, Progress, TimeRemainingColumn  # a server needs none

    silent = not sys.stdout.isatty()
    counts = "[progress.description]{task.description}", BarColumn(), "{task.completed:,.0f}"
    with Progress(*counts, TimeRemainingColumn(), transient=True, disable=silent) as bar:
        task = bar.add_task(what, total=total)
        yield lambda number: bar.advance(task, number)


def shown(table: pl.DataFrame) -> str:
    """Lay a table out for a terminal: all its rows, without types."""
    with pl.Config(
        tbl_rows=-1,
        tbl_cols=-1,
        fmt_str_lengths=60,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        tbl_formatting="UTF8_FULL_CONDENSED",
    ):
        return str(table)
