"""Measure a model on a split: the metrics, the scale beside them, and the file they go to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import numpy as np
from rich.table import Table

from nrms_torch.console import plain_console
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.evaluation.calibration import fit_calibration
from nrms_torch.evaluation.kept_scores import KeptScores
from nrms_torch.evaluation.metrics import means, per_impression
from nrms_torch.evaluation.recommended import measure_lists
from nrms_torch.evaluation.standing import Standing, compare
from nrms_torch.evaluation.standing_table import standing_lines, standing_tables
from nrms_torch.fields import require_integer
from nrms_torch.late.stage import LateStage
from nrms_torch.late.table import print_stage
from nrms_torch.training.late import LateScores
from nrms_torch.training.lightning_module import NRMSModule
from nrms_torch.training.run_folder import RunFolder

# The ranking by NRMS' dot, beside the one with late features.
TEXT_ALONE = "text_alone"


class Measured(NamedTuple):
    """The metrics as they are written, what was scored, and in process 0 where the model stands."""

    metrics: dict[str, Any]
    kept: KeptScores
    standing: Standing | None


def measure(
    trainer: L.Trainer,
    module: NRMSModule,
    datamodule: NewsDataModule,
    run: RunFolder,
    *,
    split: str,
    file: Path | None = None,
    checkpoint: Path | None = None,
    beyond_accuracy: int | None = None,
    is_own_data: bool = True,
    late: LateStage | None = None,
) -> Measured:
    """Score `split` on all of the trainer's processes, print tables and write JSON.

    The keys are `split`, `auc`, `mrr`, `reciprocal_rank`, `ndcg@5`, `ndcg@10`, `impressions`,
    `skipped` (no click or no negative) and `unknown_articles`; in process 0 also `intervals`,
    `simple` and `by_history_length`, see `Standing`, and, where `beyond_accuracy` says of how many
    of the best, what `measure_lists` gives. Weights are the module's own, or those of `checkpoint`.
    With a `late` stage all numbers are of scores with its features, and text alone is one of the
    rankings beside them. The run keeps the calibration that is fitted on its validation split.
    Raises InputError where the split has no labels.
    """
    if beyond_accuracy is not None:
        require_integer("beyond_accuracy", beyond_accuracy, 1)
    kept = score_split(trainer, module, datamodule, split, checkpoint)
    results: dict[str, Any] = module.results
    others: dict[str, np.ndarray] = {}
    if trainer.is_global_zero and late is not None:
        scores = LateScores(late, datamodule, split)
        others = {TEXT_ALONE: kept.scores, **scores.simple_rankings()}
        kept.scores = scores.all(kept.scores)
        results = results | measured_means(kept.scores, datamodule, split)
    metrics: dict[str, Any] = {
        "split": split,
        **results,
        "unknown_articles": datamodule.impressions(split).unknown_articles,
        **({} if late is None else {"late": late.described()}),
    }
    standing = None
    if trainer.is_global_zero:
        standing = compare(kept.scores, datamodule, split, others)
        metrics |= standing.to_mapping()
        if beyond_accuracy is not None:
            metrics["beyond_accuracy"] = measure_lists(
                kept.scores, kept.news, datamodule, split, beyond_accuracy
            )
        if split == "validation" and is_own_data:
            labels = datamodule.impressions(split).labels
            assert labels is not None
            run.write_calibration(fit_calibration(kept.scores, labels))
        file = run.write_metrics(metrics, file)
        print_measures(metrics, known_aucs(datamodule.config.folder, split), standing, file)
        if late is not None:
            print_stage(late)
    return Measured(metrics, kept, standing)


def measured_means(scores: np.ndarray, datamodule: NewsDataModule, split: str) -> dict[str, float]:
    """Give the mean metrics of scores (N,) of a labelled split."""
    impressions = datamodule.impressions(split)
    assert impressions.labels is not None
    return means(per_impression(scores, impressions.labels, impressions.offsets))


def score_split(
    trainer: L.Trainer,
    module: NRMSModule,
    datamodule: NewsDataModule,
    split: str,
    checkpoint: Path | None = None,
) -> KeptScores:
    """Score a labelled split on all of the trainer's processes.

    The module's `results` are its metrics then. Raises InputError where it has no labels.
    """
    datamodule.measured_split = split
    kept = KeptScores(datamodule.impressions(split))
    trainer.callbacks.append(kept)  # type: ignore[attr-defined]
    trainer.test(module, datamodule=datamodule, ckpt_path=checkpoint, verbose=False)
    trainer.callbacks.remove(kept)  # type: ignore[attr-defined]
    return kept


def known_aucs(folder: Path, split: str) -> dict[str, float]:
    """Give the AUCs that generated data knows of itself; nothing for real data."""
    truth = folder / "truth.json"
    if not truth.is_file():
        return {}
    return dict(json.loads(truth.read_text())["splits"][split]["auc"])


def print_measures(
    metrics: dict[str, Any], scale: dict[str, float], standing: Standing, file: Path
) -> None:
    """Print metrics, where the model stands, and where they were written."""
    table = Table(title=f"{metrics['split']}, {metrics['impressions']:,} impressions", min_width=44)
    table.add_column("metric")
    table.add_column("value", justify="right")
    for name, value in metrics.items():
        if isinstance(value, float):
            table.add_row(name, f"{value:.4f}")
    for name in ("skipped", "unknown_articles"):
        table.add_row(name.replace("_", " "), f"{metrics[name]:,}", style="dim")
    for name, value in scale.items():
        table.add_row(f"auc of {name}", f"{value:.4f}", style="dim")
    console = plain_console(least_width=100)
    console.print(table, *standing_tables(standing))
    for line in standing_lines(standing):
        console.print(line, highlight=False)
    if "beyond_accuracy" in metrics:
        console.print(*_lists_tables(metrics["beyond_accuracy"]))
    console.print(f"written to {file}", highlight=False)


def _lists_tables(lists: dict[str, Any]) -> Iterator[Table]:
    """Give what the first k are like beyond their clicks, and what more diversity would cost."""
    table = Table(title=f"beyond accuracy, the first {lists['k']}", min_width=44)
    table.add_column("metric")
    table.add_column("value", justify="right")
    for name, value in lists.items():
        if isinstance(value, float):
            table.add_row(name.replace("_", " "), f"{value:,.4f}")
    yield table
    table = Table(title="more diversity (recommend diversity=…)", min_width=44)
    for name in lists["curve"][0]:
        table.add_column(name.replace("_", " "), justify="right")
    for point in lists["curve"]:
        table.add_row(*(f"{value:.4g}" for value in point.values()))
    yield table
