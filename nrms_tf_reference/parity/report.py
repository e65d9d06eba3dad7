"""The report of the checks: a table on the screen, a JSON file and a figure."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from nrms_tf_reference.parity.check import Check
from nrms_tf_reference.parity.suite import Comparison, Results
from nrms_tf_reference.parity.tolerances import RECORDED
from nrms_torch.files import replacing

# Where a difference is nothing at all, so that it can be drawn on a logarithmic axis.
_LEAST_DRAWN = 1e-9
_COLOURS = {"pass": "green", "MISS": "bold red", "shown": "dim"}


def print_table(results: Results) -> None:
    """Print a row a check, the misses in red, and how many there are."""
    table = Table("file", "what", "largest difference", "tolerance", "verdict", "where")
    for column in table.columns[2:4]:
        column.justify = "right"
    for before, check in zip([None, *results.checks], results.checks, strict=False):
        if before and before.file != check.file:
            table.add_section()
        colour = _COLOURS[check.verdict]
        table.add_row(
            check.file,
            check.what,
            _text(check.difference),
            "–" if check.tolerance is None else f"{check.tolerance:.2g}",
            f"[{colour}]{check.verdict}[/]",
            check.note,
        )
    # A pipe has no width, and half a row is of no use.
    console = Console()
    if not console.is_terminal:
        console.width = 160
    console.print(table)
    if results.skipped:
        console.print(f"not golden, skipped: {', '.join(path.name for path in results.skipped)}")
    console.print(f"{len(results.checks)} checks, {len(results.misses)} missed")


def as_row(check: Check) -> dict[str, Any]:
    """Give a check as JSON has it; a difference that is no number is null."""
    difference = check.difference if math.isfinite(check.difference) else None
    return asdict(check) | {"difference": difference, "verdict": check.verdict}


def write_json(results: Results, file: Path) -> None:
    """Write all rows, and whether all passed."""
    rows = [as_row(check) for check in results.checks]
    report = {"passed": not results.misses, "checks": rows}
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False))


def draw(comparisons: list[Comparison], file: Path) -> None:
    """Draw scores against scores, loss against loss, and the losses' difference by step."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 5.5), layout="constrained")
    scores, losses, steps = figure.subplots(1, 3)
    _against(scores, comparisons, "sigmoid", "score (sigmoid)")
    _against(losses, comparisons, "trajectory_losses", "training loss")
    for comparison in comparisons:
        ours, theirs = _pair(comparison, "trajectory_losses")
        apart = np.abs(ours - theirs).clip(_LEAST_DRAWN)
        steps.plot(np.arange(1, len(apart) + 1), apart, lw=1, label=comparison.label)
    steps.axhline(
        RECORDED["trajectory_losses"].limit, color="0.6", lw=0.8, ls="--", label="tolerance"
    )
    steps.set(xlabel="training step", ylabel="difference of the losses", yscale="log")
    steps.grid(alpha=0.3)
    figure.legend(*steps.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    with replacing(file) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def _text(difference: float) -> str:
    """Write a measured difference with two digits, a count of what differs in full."""
    return f"{difference:,}" if isinstance(difference, int) else f"{difference:.2g}"


def _pair(comparison: Comparison, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Give ours and the expected as flat float64."""
    return (
        comparison.found[f"expected/{name}"].ravel().astype(np.float64),
        comparison.expected[f"expected/{name}"].ravel().astype(np.float64),
    )


def _against(axes: Any, comparisons: list[Comparison], name: str, label: str) -> None:
    for comparison in comparisons:
        ours, theirs = _pair(comparison, name)
        axes.plot(theirs, ours, ".", ms=4, alpha=0.6)
    low, high = axes.get_xlim()
    axes.plot([low, high], [low, high], color="0.6", lw=0.8, zorder=0)
    axes.set(xlabel=f"{label}, baseline", ylabel=f"{label}, ours")
    axes.grid(alpha=0.3)
