"""The report: a table on the screen, rows of JSON and a figure of how cost grows."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.speed.rows import Row
from nrms_torch.files import replacing

# Whom the cases measure beside ours, where that is not the reference.
_OTHER_SIDES = {"ddp": "one process", "encoder": "sgemm"}
# What a cell shows of what was not measured; a column of nothing else is left out.
_NOTHING = "–"


_COLUMNS: dict[str, Callable[[Row], str]] = {
    "case": lambda row: row.case,
    "model": lambda row: row.model,
    "batch": lambda row: _whole(row.batch),
    "impressions": lambda row: _whole(row.impressions),
    "unit": lambda row: row.unit,
    "ours": lambda row: _measured(row.ours, row.ours_range),
    "reference": lambda row: _measured(row.reference, row.reference_range),
    "ratio": lambda row: _number(row.ratio, ",.2f"),
    "of sgemm": lambda row: _number(row.sgemm_share, ".0%"),
    "products alone": lambda row: _number(row.products, ",.0f"),
    "step": lambda row: f"{row.seconds:.3g} s",
    "peak MiB": lambda row: _whole(row.peak_mib),
    "reference MiB": lambda row: _whole(row.reference_peak_mib),
    "losses differ": lambda row: _number(row.loss_difference, ".1g"),
}


def print_table(rows: Sequence[Row]) -> None:
    """Print a line a row: medians, and in brackets the least and the greatest."""
    table = Table()
    columns = {name: [show(row) for row in rows] for name, show in _COLUMNS.items()}
    shown = {name: cells for name, cells in columns.items() if set(cells) != {_NOTHING}}
    for name in shown:
        table.add_column(name, justify="left" if name in ("case", "model", "unit") else "right")
    for cells in zip(*shown.values(), strict=True):
        table.add_row(*cells)
    # A pipe has no width, and half a row is of no use.
    console = Console()
    if not console.is_terminal:
        console.width = 160
    console.print(table)


def write_json(rows: Sequence[Row], file: Path) -> None:
    """Write a list of the rows."""
    with replacing(file) as temporary:
        temporary.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def draw(rows: Sequence[Row], file: Path) -> None:
    """Draw the rate of both sides and the memory of ours by batch, or by impressions."""
    from matplotlib.figure import Figure

    sizes = [row.batch if row.impressions is None else row.impressions for row in rows]
    label = "batch" if rows[0].impressions is None else "impressions"
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    rate, memory = figure.subplots(1, 2)
    rate.plot(sizes, [row.ours for row in rows], "o-", label="ours")
    memory.plot(sizes, [row.peak_mib for row in rows], "o-", label="ours")
    if all(row.reference is not None for row in rows):
        other = _OTHER_SIDES.get(rows[0].case, "TensorFlow")
        rate.plot(sizes, [row.reference for row in rows], "s--", label=other)
        if all(row.reference_peak_mib is not None for row in rows):
            memory.plot(sizes, [row.reference_peak_mib for row in rows], "s--", label=other)
    for axes, name in ((rate, rows[0].unit), (memory, "peak memory, MiB")):
        _finish(axes, label, f"{rows[0].case}, {rows[0].model}: {name}")
    with replacing(file) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def _finish(axes: Any, label: str, title: str) -> None:
    axes.set(xscale="log", xlabel=label, title=title)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()


def _number(value: float | None, form: str) -> str:
    return _NOTHING if value is None else format(value, form)


def _whole(value: float | None) -> str:
    return _number(value, ",.0f")


def _measured(value: float | None, span: tuple[float, float] | None) -> str:
    if value is None or span is None:
        return _NOTHING
    return f"{_short(value)} ({_short(span[0])}–{_short(span[1])})"


def _short(value: float) -> str:
    return format(value, ",.0f" if value >= 100 else ".1f")
