"""Training with dropout on, ours and the reference's, on several seeds: whether the AUCs differ."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import lightning as L
import numpy as np
import torch
from omegaconf import DictConfig, ListConfig, OmegaConf

from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.errors import InputError
from nrms_torch.evaluation.ranking import RankingMetrics
from nrms_torch.fields import require_integer
from nrms_torch.files import replacing
from nrms_torch.parity.twin import build_twin, twin_dots
from nrms_torch.parity.twin_data import twin_impressions, twin_lookup
from nrms_torch.training.assemble import for_training
from nrms_torch.training.lightning_module import NRMSModule
from nrms_torch.training.trainer import make_trainer

Side = Literal["ours", "reference"]
SIDES: tuple[Side, Side] = ("ours", "reference")
# What decides the numbers of a run beside its seed.
_SETTINGS = ("data", "model", "training")


@dataclass(frozen=True)
class SeedRun:
    """One training: the mean loss and the validation AUC, per impression, after each epoch."""

    side: Side
    seed: int
    losses: list[float]
    aucs: list[float]
    seconds: float


@dataclass(frozen=True)
class Welch:
    """The final AUCs of both sides and Welch's test of whether their means differ.

    `means` and `standard_errors` are by side; `t` is of ours minus the reference's.
    """

    means: dict[Side, float]
    standard_errors: dict[Side, float]
    t: float
    degrees_of_freedom: float
    p: float


def run_seeds(config: DictConfig, file: Path, report: Callable[[SeedRun], object]) -> list[SeedRun]:
    """Train both sides on each of `config.seeds`, and write `file` after each training.

    Trainings that `file` holds already are kept; `report` is told of each new one. Raises
    InputError where `file` holds those of other settings, and for seeds that are none.
    """
    _check_seeds(config.seeds)
    settings = {name: OmegaConf.to_container(config[name], resolve=True) for name in _SETTINGS}
    settings["epochs"] = config.trainer.max_epochs
    runs = _read(file, settings)
    for seed in config.seeds:
        for side in SIDES:
            if any((run.side, run.seed) == (side, seed) for run in runs):
                continue
            runs.append(_train(config, side, seed))
            report(runs[-1])
            _write(file, settings, runs)
    return runs


def welch(runs: list[SeedRun]) -> Welch:
    """Test the AUCs after the last epoch; both sides need two seeds."""
    from scipy.stats import ttest_ind

    final = {side: np.array([run.aucs[-1] for run in runs if run.side == side]) for side in SIDES}
    test = ttest_ind(final["ours"], final["reference"], equal_var=False)
    return Welch(
        means={side: float(aucs.mean()) for side, aucs in final.items()},
        standard_errors={
            side: float(aucs.std(ddof=1)) / math.sqrt(len(aucs)) for side, aucs in final.items()
        },
        t=float(test.statistic),
        degrees_of_freedom=float(test.df),
        p=float(test.pvalue),
    )


class _EpochRecorder(L.Callback):
    """Keeps the loss and the AUC of each epoch."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.aucs: list[float] = []

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take what the module has logged."""
        self.losses.append(trainer.callback_metrics["train/loss_epoch"].item())
        self.aucs.append(trainer.callback_metrics["val/auc"].item())


def _check_seeds(seeds: Any) -> None:
    if not isinstance(seeds, ListConfig) or not seeds or len(set(seeds)) < len(seeds):
        raise InputError(f"seeds: expected a list of different integers, found {seeds}")
    for seed in seeds:
        require_integer("seeds", seed, 0)


def _train(config: DictConfig, side: Side, seed: int) -> SeedRun:
    config = config.copy()
    config.seed = seed
    began = time.monotonic()
    datamodule, module = for_training(config, vocabulary=None)
    train = _train_ours if side == "ours" else _train_reference
    losses, aucs = train(config, datamodule, module)
    return SeedRun(side, seed, losses, aucs, seconds=time.monotonic() - began)


def _train_ours(
    config: DictConfig, datamodule: NewsDataModule, module: NRMSModule
) -> tuple[list[float], list[float]]:
    recorder = _EpochRecorder()
    trainer = make_trainer(
        config.trainer,
        callbacks=[recorder],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    L.seed_everything(config.seed, verbose=False)
    trainer.fit(module, datamodule=datamodule)
    return recorder.losses, recorder.aucs


def _train_reference(
    config: DictConfig, datamodule: NewsDataModule, module: NRMSModule
) -> tuple[list[float], list[float]]:
    """Train the reference on rows of its own sampling, from initial weights of its own."""
    from nrms_tf_reference.data import TrainingLoader, sample_training_rows

    data, vocabulary = datamodule.config, datamodule.vocabulary
    from_transformer = vocabulary is not None and vocabulary.transformer is not None
    embeddings = module.model.word_embeddings().numpy() if from_transformer else None
    twin = build_twin(module, seed=config.seed, embeddings=embeddings)
    lookup = twin_lookup(datamodule.table, mean_for_unknown=data.unknown_article == "mean")
    impressions = twin_impressions(data.reader.read_split(data.folder, "train"))
    rows = sample_training_rows(impressions, data.npratio, config.seed)
    losses, aucs = [], []
    for epoch in range(config.trainer.max_epochs):
        order = np.random.default_rng([config.seed, epoch]).permutation(len(rows))
        shuffled = [rows[row] for row in order]
        loader = TrainingLoader(shuffled, lookup, datamodule.history_size, data.batch_size)
        losses.append(float(twin.fit(loader).mean()))
        aucs.append(_validation_auc(twin, datamodule))
    return losses, aucs


def _validation_auc(twin: Any, datamodule: NewsDataModule) -> float:
    impressions = datamodule.impressions("validation")
    dots = twin_dots(twin, datamodule.table.features, impressions)
    metrics = RankingMetrics()
    metrics.update(
        *(torch.from_numpy(array) for array in (dots, impressions.labels, impressions.offsets))
    )
    return metrics.compute()["auc"].item()


def _read(file: Path, settings: dict[str, Any]) -> list[SeedRun]:
    if not file.exists():
        return []
    try:
        content = json.loads(file.read_text())
        runs = [SeedRun(**run) for run in content["runs"]]
        found = content["settings"]
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(f"{file}: damaged; expected the results of earlier seeds") from error
    if found != settings:
        raise InputError(f"{file}: holds results of other settings; name another output")
    return runs


def _write(file: Path, settings: dict[str, Any], runs: list[SeedRun]) -> None:
    content: dict[str, Any] = {"settings": settings, "runs": [asdict(run) for run in runs]}
    if all(sum(run.side == side for run in runs) > 1 for side in SIDES):
        content["welch"] = asdict(welch(runs))
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
