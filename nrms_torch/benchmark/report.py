"""The report: a table on the screen, rows of JSON and a figure of how cost grows."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from nrms_torch.benchmark.rows import Row
from nrms_torch.files import replacing


def print_table(rows: Sequence[Row]) -> None:
    """Print a line a row: medians, and in brackets the least and the greatest."""
    table = Table()
    for column in ("case", "model"):
        table.add_column(column)
    for column in (
        "batch",
        "impressions",
        "unit",
        "ours",
        "reference",
        "ratio",
        "peak MiB",
        "reference MiB",
        "of sgemm",
        "step",
        "losses differ",
    ):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            row.case,
            row.model,
            _whole(row.batch),
            _whole(row.impressions),
            row.unit,
            _measured(row.ours, row.ours_range),
            _measured(row.reference, row.reference_range),
            "–" if row.ratio is None else f"{row.ratio:,.2f}",
            _whole(row.peak_mib),
            _whole(row.reference_peak_mib),
            "–" if row.sgemm_share is None else f"{row.sgemm_share:.0%}",
            f"{row.seconds:.3g} s",
            "–" if row.loss_difference is None else f"{row.loss_difference:.1g}",
        )
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
        rate.plot(sizes, [row.reference for row in rows], "s--", label="TensorFlow")
        memory.plot(sizes, [row.reference_peak_mib for row in rows], "s--", label="TensorFlow")
    for axes, name in ((rate, rows[0].unit), (memory, "peak memory, MiB")):
        _finish(axes, label, f"{rows[0].case}, {rows[0].model}: {name}")
    with replacing(file) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def _finish(axes: Any, label: str, title: str) -> None:
    axes.set(xscale="log", xlabel=label, title=title)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _measured(value: float | None, span: tuple[float, float] | None) -> str:
    if value is None or span is None:
        return "–"
    return f"{_short(value)} ({_short(span[0])}–{_short(span[1])})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
