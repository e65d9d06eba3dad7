"""Training with dropout on, ours and the reference's, on several seeds: whether the AUCs differ."""

import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import lightning as L
import numpy as np
import torch
from omegaconf import DictConfig, ListConfig, OmegaConf

import nrms_torch
from nrms_tf_reference.parity.rules import stand_ins
from nrms_tf_reference.parity.twin import build_twin, twin_dots
from nrms_tf_reference.parity.twin_data import twin_impressions, twin_lookup
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.errors import InputError
from nrms_torch.evaluation.ranking import RankingMetrics
from nrms_torch.fields import require_integer
from nrms_torch.files import replacing
from nrms_torch.training.assemble import for_training
from nrms_torch.training.lightning_module import NRMSModule
from nrms_torch.training.trainer import make_trainer

Side = Literal["ours", "ours_per_copy", "reference"]
SIDES: tuple[Side, ...] = ("ours", "ours_per_copy", "reference")
# What decides the numbers of a run beside its seed.
_SETTINGS = ("data", "model", "training")
_USUAL_TRAINER = Path(nrms_torch.__file__).parent.parent / "configs" / "trainer" / "default.yaml"
# Of the trainer's: what a file has as its epochs, and what decides no number.
_LEFT_OUT = ("max_epochs", "log_every_n_steps", "enable_model_summary", "profiler")


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
    """Welch's test of whether a side's AUCs after the last epoch differ from the reference's.

    `t` is of the side minus the reference.
    """

    t: float
    degrees_of_freedom: float
    p: float


def run_seeds(config: DictConfig, file: Path, report: Callable[[SeedRun], object]) -> list[SeedRun]:
    """Train `config.sides` on each of `config.seeds`, and write `file` after each training.

    Sides are `ours`, `reference` and `ours_per_copy`: ours without its short cut, by which all
    copies of an article in a batch share one dropout. Trainings that `file` holds already are kept;
    `report` is told of each new one. Raises InputError where `file` holds those of other settings,
    and for seeds or sides that are none.
    """
    _check(config)
    settings = _settings(config)
    runs = _read(file, settings)
    for seed in config.seeds:
        for side in config.sides:
            if any((run.side, run.seed) == (side, seed) for run in runs):
                continue
            runs.append(_train(config, side, seed))
            report(runs[-1])
            _write(file, settings, runs)
    return runs


def welch(runs: list[SeedRun], side: Side) -> Welch:
    """Test a side's AUCs against the reference's; both need two seeds."""
    from scipy.stats import ttest_ind

    test = ttest_ind(final_aucs(runs, side), final_aucs(runs, "reference"), equal_var=False)
    return Welch(float(test.statistic), float(test.df), float(test.pvalue))


def final_aucs(runs: list[SeedRun], side: Side) -> np.ndarray:
    """Give a side's AUCs (seeds,) after the last epoch."""
    return np.array([run.aucs[-1] for run in runs if run.side == side])


def comparable(runs: list[SeedRun]) -> list[Side]:
    """Give the sides of ours that can be held against the reference: two seeds and more."""
    seeds = Counter(run.side for run in runs)
    return [side for side in SIDES[:-1] if min(seeds[side], seeds["reference"]) > 1]


class _EpochRecorder(L.Callback):
    """Keeps the loss and the AUC of each epoch."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.aucs: list[float] = []

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take what the module has logged."""
        self.losses.append(trainer.callback_metrics["train/loss_epoch"].item())
        self.aucs.append(trainer.callback_metrics["val/auc"].item())


def _check(config: DictConfig) -> None:
    for name in ("seeds", "sides"):
        values: Any = config[name]
        if not isinstance(values, ListConfig) or not values or len(set(values)) < len(values):
            raise InputError(f"{name}: expected a list without repetitions, found {values}")
    for seed in config.seeds:
        require_integer("seeds", seed, 0)
    for side in config.sides:
        if side not in SIDES:
            raise InputError(f"sides: {side!r} is none of {', '.join(SIDES)}")


def _settings(config: DictConfig) -> dict[str, Any]:
    """Give what results are only comparable under; of the trainer what is not as usual."""
    found: dict[str, Any] = {
        name: OmegaConf.to_container(config[name], resolve=True) for name in (*_SETTINGS, "trainer")
    }
    trainer, usual = found.pop("trainer"), OmegaConf.load(_USUAL_TRAINER)
    unusual = {
        name: value
        for name, value in trainer.items()
        if name not in _LEFT_OUT and value != usual.get(name)
    }
    found["epochs"] = trainer["max_epochs"]
    return found | ({"trainer": unusual} if unusual else {})


def _train(config: DictConfig, side: Side, seed: int) -> SeedRun:
    config = config.copy()
    config.seed = seed
    began = time.monotonic()
    datamodule, module = for_training(config, vocabulary=None)
    train = _train_reference if side == "reference" else _train_ours
    with stand_ins.calls() if side == "ours_per_copy" else nullcontext():
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
    content["welch"] = {side: asdict(welch(runs, side)) for side in comparable(runs)}
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
