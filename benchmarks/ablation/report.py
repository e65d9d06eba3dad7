"""The tables of an ablation: each case beside the centred cosine, whole and by history length."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.ablation.cases import REFERENCE

# Clicks known of a reader, from … to …; the last ends where a model's history does.
LENGTHS = ((0, 0), (1, 1), (2, 2), (3, 4), (5, 9), (10, 19), (20, None))
RESAMPLES = 2_000

# AUC of each impression by case, (seeds, I), and clicks (I,).
Results = Mapping[str, np.ndarray]


def paired_interval(difference: np.ndarray) -> tuple[float, float, float]:
    """Give the mean of differences (I,) and its 95 % interval, by bootstrap over impressions."""
    known = difference[~np.isnan(difference)]
    generator = np.random.default_rng(0)
    means = np.array(
        [known[generator.integers(0, len(known), len(known))].mean() for _ in range(RESAMPLES)]
    )
    low, high = np.percentile(means, [2.5, 97.5])
    return float(known.mean()), float(low), float(high)


def case_table(results: Results) -> str:
    """Give Markdown: mean AUC over seeds ± its standard error, and the difference to the cosine."""
    lines = ["| case | AUC | seeds | against the centred cosine |", "|---|---|---|---|"]
    reference = results[REFERENCE].mean(axis=0)
    for name, auc in results.items():
        by_seed = np.nanmean(auc, axis=1)
        error = by_seed.std(ddof=1) / len(by_seed) ** 0.5 if len(by_seed) > 1 else None
        mean = f"{by_seed.mean():.4f}" + ("" if error is None else f" ± {error:.4f}")
        shown = "–"
        if name != REFERENCE:
            middle, low, high = paired_interval(auc.mean(axis=0) - reference)
            shown = f"{middle:+.4f} [{low:+.4f}, {high:+.4f}]"
        lines.append(f"| {name} | {mean} | {len(by_seed)} | {shown} |")
    return "\n".join(lines)


def length_table(results: Results, clicks: np.ndarray) -> str:
    """Give Markdown: the mean AUC by the number of clicks known of the reader."""
    groups = [_group(clicks, *bounds) for bounds in LENGTHS]
    names = [_name(*bounds) for bounds in LENGTHS]
    counts = " | ".join(f"{group.sum():,}" for group in groups)
    lines = [
        f"| clicks | {' | '.join(names)} |",
        f"|---|{'---|' * len(names)}",
        f"| impressions | {counts} |",
    ]
    for name, auc in results.items():
        means = [_mean(auc[:, group]) for group in groups]
        shown = (f"{mean:.3f}" if np.isfinite(mean) else "–" for mean in means)
        lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(lines)


def draw_lengths(results: Results, clicks: np.ndarray, file: Path) -> None:
    """Draw the mean AUC by history length, a line a case."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name, auc in results.items():
        means = [_mean(auc[:, _group(clicks, *bounds)]) for bounds in LENGTHS]
        axes.plot([_name(*bounds) for bounds in LENGTHS], means, marker="o", label=name)
    axes.set_xlabel("clicks known of the reader")
    axes.set_ylabel("AUC")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file, dpi=120)


def _group(clicks: np.ndarray, first: int, last: int | None) -> np.ndarray:
    return (clicks >= first) & (clicks <= (np.inf if last is None else last))


def _name(first: int, last: int | None) -> str:
    return f"{first}+" if last is None else f"{first}" if first == last else f"{first}–{last}"


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def stacked(by_seed: Sequence[np.ndarray]) -> np.ndarray:
    """Put the seeds' AUCs (I,) on top of each other, (seeds, I)."""
    return np.stack(by_seed)
