"""`model=late`: ranking by late features alone, without a word of text.

What a folder without articles can have, and what text has to add to.
"""

from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor

from nrms_torch.configuration import plain
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.loading import EvaluationChunk
from nrms_torch.data.source import local_data, made_data
from nrms_torch.errors import InputError
from nrms_torch.evaluation.calibration import fit_calibration
from nrms_torch.evaluation.standing import compare
from nrms_torch.late.stage import LateSettings, LateStage
from nrms_torch.late.table import print_stage
from nrms_torch.training.late import LateScores, fit_late
from nrms_torch.training.measure import known_aucs, measured_means, print_measures
from nrms_torch.training.origin import describe_origin
from nrms_torch.training.run_folder import RunFolder


def fit_late_alone(config: DictConfig, settings: LateSettings | None, run: RunFolder) -> RunFolder:
    """Fit the section `late` on train, keep it as a run, and measure it on validation.

    Raises InputError without such a section, and where the data has no times or no clicks.
    """
    if settings is None:
        raise InputError("late: missing, but model=late has nothing else; expected late=linear")
    datamodule = _datamodule(config, made_data(config.data))
    datamodule.check(ranks=1)
    print(datamodule.summary("train"), datamodule.summary("validation"), sep="\n")
    stage = fit_late(settings, datamodule)
    run.begin(config, None, describe_origin())
    stage.save(run.path)
    _measure(run, stage, datamodule, "validation", None, is_own_data=True)
    return run


def measure_late_alone(
    run: RunFolder, data: DictConfig, *, split: str, file: Path
) -> dict[str, Any]:
    """Measure such a run on a split of its own data, or of what `data` gives; give the metrics.

    Raises InputError where the split has no labels or the data no times.
    """
    stage = LateStage.load(run.path)
    if stage is None:
        raise InputError(f"run: {run.path} has no late features; its training has not ended")
    is_own = not any(plain(data).values())
    return _measure(run, stage, late_datamodule(run, data), split, file, is_own_data=is_own)


def late_datamodule(run: RunFolder, data: DictConfig) -> NewsDataModule:
    """Open the data of such a run, or what `data` gives of another."""
    config = run.config()
    given = {field: value for field, value in plain(data).items() if value is not None}
    return _datamodule(config, local_data(config.data, **given))


class NoText(L.LightningModule):
    """Scores all candidates 0, for `Trainer.predict`: late features do the rest."""

    def predict_step(self, chunk: EvaluationChunk, batch_idx: int) -> Tensor:
        """Give the scores (N,) of a chunk."""
        return torch.zeros(len(chunk.candidates))


def _datamodule(config: DictConfig, data: Any) -> NewsDataModule:
    return NewsDataModule(
        data,
        history_size=config.model.history_size,
        title_size=None,
        seed=config.seed,
        has_text=False,
    )


def _measure(
    run: RunFolder,
    stage: LateStage,
    datamodule: NewsDataModule,
    split: str,
    file: Path | None,
    *,
    is_own_data: bool,
) -> dict[str, Any]:
    impressions = datamodule.require_labels(split)
    late = LateScores(stage, datamodule, split)
    scores = late.all(None)
    standing = compare(scores, datamodule, split, late.simple_rankings())
    metrics: dict[str, Any] = {
        "split": split,
        **measured_means(scores, datamodule, split),
        "impressions": len(impressions) - impressions.skipped,
        "skipped": impressions.skipped,
        "unknown_articles": impressions.unknown_articles,
        "late": stage.described(),
        **standing.to_mapping(),
    }
    if split == "validation" and is_own_data:
        assert impressions.labels is not None
        run.write_calibration(fit_calibration(scores, np.asarray(impressions.labels)))
    file = run.write_metrics(metrics, file)
    print_measures(metrics, known_aucs(datamodule.config.folder, split), standing, file)
    print_stage(stage)
    return metrics
