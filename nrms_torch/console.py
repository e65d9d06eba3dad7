"""A console for what is the user's: titles, paths and settings, which are no markup."""

import polars as pl
from rich.console import Console


def plain_console(*, least_width: int = 0) -> Console:
    """Make a console, at least so wide, that prints brackets and `:names:` as they are."""
    console = Console(markup=False, emoji=False)
    if console.width < least_width:
        console.width = least_width
    return console


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
