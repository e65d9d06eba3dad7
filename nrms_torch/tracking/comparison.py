"""Runs beside each other: their learning curves in one figure, their metrics in one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from rich.table import Table

from nrms_torch.errors import InputError
from nrms_torch.files import replacing
from nrms_torch.tracking.curves import Curve, read_curves
from nrms_torch.training.learning_curve import CURVES
from nrms_torch.training.run_folder import RunFolder

_LEFT_OUT = ("run", "resume", "callbacks", "logger")  # of the settings: they follow the folder
_METRICS = ("auc", "mrr", "ndcg@5", "ndcg@10")


@dataclass(frozen=True)
class Run:
    """What a run folder tells: a name, its curves, its settings by dotted names, its metrics."""

    name: str
    curves: Mapping[str, Curve]
    settings: Mapping[str, Any]
    metrics: Mapping[str, Any]


def read_runs(paths: Sequence[str]) -> list[Run]:
    """Read run folders; InputError where one is none, or has not been through an epoch."""
    folders = [RunFolder.open(path) for path in paths]
    names = _names([folder.path for folder in folders])
    return [_read(folder, name) for folder, name in zip(folders, names, strict=True)]


def table(runs: Sequence[Run]) -> Table:
    """Lay out what differs in the runs' settings, their epochs, and their metrics."""
    settings = _differing(runs)
    found = Table("run", *(name.split(".")[-1] for name in settings), "split", "epochs", *_METRICS)
    for run in runs:
        auc = run.curves.get("val/auc", [])
        best = max(auc, key=lambda point: point[1], default=None)
        found.add_row(
            run.name,
            *(str(run.settings.get(name, "")) for name in settings),
            str(run.metrics.get("split", "")),
            f"{auc[-1][0]}, best {best[0]}" if best else "",
            *(f"{run.metrics[name]:.4f}" if name in run.metrics else "" for name in _METRICS),
        )
    return found


def draw(runs: Sequence[Run], file: Path) -> None:
    """Draw training loss and validation AUC by epoch, a line a run."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(11, 4), layout="constrained")
    for axes, (name, label, _) in zip(figure.subplots(1, len(CURVES)), CURVES, strict=True):
        for run in runs:
            points = run.curves.get(name, [])
            axes.plot(*zip(*points, strict=True), marker="o", label=run.name) if points else None
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    axes.legend()
    with replacing(file) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def _read(folder: RunFolder, name: str) -> Run:
    curves = read_curves(folder.path)
    if not any(curve in curves for curve, *_ in CURVES):
        raise InputError(
            f"{folder.path}: has measured no epoch yet, so there is nothing to compare"
        )
    return Run(
        name,
        curves,
        _flat(OmegaConf.to_container(folder.config(), resolve=True)),
        folder.metrics(),
    )


def _names(paths: Sequence[Path]) -> list[str]:
    """Name runs by their folders, or by as much of their paths as tells them apart."""
    names = [path.resolve().name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def _flat(node: Any, place: str = "") -> dict[str, Any]:
    if not isinstance(node, dict):
        return {place: node}
    parts = (_flat(value, f"{place}.{key}" if place else str(key)) for key, value in node.items())
    return {name: value for part in parts for name, value in part.items()}


def _differing(runs: Sequence[Run]) -> list[str]:
    names = dict.fromkeys(name for run in runs for name in run.settings)
    return [
        name
        for name in names
        if name.split(".")[0] not in _LEFT_OUT
        and len({str(run.settings.get(name)) for run in runs}) > 1
    ]
