"""What a conversion read, left out and wrote, as tables for people and as plain values."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

READ, USED = "read", "used"
_WIDTH = 110  # characters, where there is no terminal


@dataclass(frozen=True)
class SplitSummary:
    """What one split holds; `first` and `last` are the times of its impressions, in UTC."""

    impressions: int
    readers: int
    candidates: int
    clicks: int
    history_clicks: int
    first: datetime
    last: datetime


@dataclass
class Summary:
    """What `convert` did: `counts` of rows by table and reason, and what each split holds.

    Prints as two tables, also in a notebook.
    """

    folder: Path
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    splits: dict[str, SplitSummary] = field(default_factory=dict)

    def count(self, table: str, reason: str, number: int) -> None:
        """Add rows of a table that were read, used, or left out for a reason; 0 is not told."""
        reasons = self.counts.setdefault(table, {})
        if number or reason in (READ, USED):
            reasons[reason] = reasons.get(reason, 0) + int(number)

    def as_values(self) -> dict[str, Any]:
        """The summary as values that JSON takes, without the folder's name."""
        splits = {
            name: {key: _plain(value) for key, value in asdict(split).items()}
            for name, split in self.splits.items()
        }
        return {"counts": self.counts, "splits": splits}

    def __rich_console__(self, console: Any, options: Any) -> Iterable[Any]:
        yield self._counts_table()
        yield self._splits_table()

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(markup=False, emoji=False, width=_WIDTH)
        with console.capture() as captured:
            console.print(self)
        return captured.get()

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"

    def _counts_table(self) -> Any:
        from rich.table import Table

        table = Table(
            "table", "rows", _right("number"), title="what was read, and what was left out"
        )
        for name, reasons in self.counts.items():
            rows = sorted(reasons.items(), key=lambda item: (item[0] != READ, item[0] == USED))
            for number, (reason, count) in enumerate(rows):
                is_last = number == len(rows) - 1
                table.add_row("" if number else name, reason, f"{count:,}", end_section=is_last)
        return table

    def _splits_table(self) -> Any:
        from rich.table import Column, Table

        numbers = (
            _right(name) for name in ("impressions", "readers", "in view", "clicks", "history")
        )
        times = (Column(name, no_wrap=True) for name in ("from (UTC)", "to (UTC)"))
        table = Table("split", *numbers, *times, title=str(self.folder))
        for name, split in self.splits.items():
            in_view, history = (
                f"{total / split.impressions:.1f}"
                for total in (split.candidates, split.history_clicks)
            )
            counts = (f"{split.impressions:,}", f"{split.readers:,}", in_view, f"{split.clicks:,}")
            first_last = (f"{time:%Y-%m-%d %H:%M}" for time in (split.first, split.last))
            table.add_row(name, *counts, history, *first_last)
        return table


def _right(name: str) -> Any:
    from rich.table import Column

    return Column(name, justify="right")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
