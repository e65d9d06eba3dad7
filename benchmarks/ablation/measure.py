"""Train a case as a user's run is trained, and give the AUC of each impression."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig

from benchmarks.ablation.cases import Case
from nrms_torch.configuration import compose
from nrms_torch.evaluation.ranking import per_impression
from nrms_torch.evaluation.scoring import encode_articles, score_impressions
from nrms_torch.training.assemble import for_training
from nrms_torch.training.trainer import make_trainer


@dataclass(frozen=True)
class Measured:
    """AUC of I impressions, NaN where there is nothing to rank, and their numbers of clicks."""

    auc: np.ndarray
    clicks: np.ndarray


def measure(case: Case, overrides: list[str], split: str) -> Measured:
    """Train a case on `overrides` of train.yaml, all epochs, and score a split's impressions."""
    config = compose("train", [*overrides, *case.overrides, "run=unused"])
    return _measure(config, case, split)


def _measure(config: DictConfig, case: Case, split: str) -> Measured:
    datamodule, module = for_training(config, None)
    for change in case.changes:
        change(module)
    if config.trainer.max_epochs:
        trainer = make_trainer(
            config.trainer,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            limit_val_batches=0,
        )
        trainer.fit(module, datamodule=datamodule)
    impressions = datamodule.impressions(split)
    assert impressions.labels is not None, "a split with clicks is measured"
    model = module.model.eval()
    scores = score_impressions(model, encode_articles(model, module.table), impressions)
    found = per_impression(
        scores.double(),
        torch.from_numpy(np.array(impressions.labels)),
        torch.from_numpy(np.array(impressions.offsets)),
    )
    clicks = (impressions.histories != 0).sum(axis=1)[impressions.history_index]
    return Measured(found["auc"].numpy(), np.asarray(clicks))


def save(measured: Measured, file: Path) -> None:
    """Keep a case's result, so that it is not trained again."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part.npz")
    np.savez_compressed(part, auc=measured.auc, clicks=measured.clicks)
    part.replace(file)


def load(file: Path) -> Measured:
    """Read what `save` kept."""
    with np.load(file) as arrays:
        return Measured(arrays["auc"], arrays["clicks"])
