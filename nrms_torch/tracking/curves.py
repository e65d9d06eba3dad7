"""What a run measured, read from the CSV in its folder, also while it is still being written."""

import csv
from pathlib import Path

Curve = list[tuple[int, float]]  # epoch, from 1 on, and value


def read_curves(run: Path) -> dict[str, Curve]:
    """Give each metric by epoch, in the order of measurement.

    A run that was resumed has a CSV for each part; the later one counts where both have an epoch.
    """
    curves: dict[str, Curve] = {}
    files = sorted(run.glob("csv/version_*/metrics.csv"), key=lambda file: _version(file.parent))
    for file in files:
        part = _read(file)
        for name, points in part.items():
            before = [point for point in curves.get(name, []) if point[0] < points[0][0]]
            curves[name] = before + points
    return curves


def _version(folder: Path) -> int:
    return int(folder.name.removeprefix("version_"))


def _read(file: Path) -> dict[str, Curve]:
    # A last line without its end is still being written.
    lines = [line for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
    curves: dict[str, Curve] = {}
    for row in csv.DictReader(lines):
        for name, value in row.items():
            if value and name not in ("epoch", "step"):
                curves.setdefault(name, []).append((int(row["epoch"]) + 1, float(value)))
    return curves
