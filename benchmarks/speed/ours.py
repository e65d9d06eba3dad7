"""Our side: training, evaluation and the news encoder as a user's run has them."""

import tempfile
import time
from typing import Any

import lightning as L
import torch
from lightning.pytorch.loggers import CSVLogger
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from benchmarks.speed.flops import clock, encoder_flops, measure_sgemm, training_flops
from benchmarks.speed.products import products_of
from benchmarks.speed.turns import Turns
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.loading import TrainingBatch
from nrms_torch.errors import InputError
from nrms_torch.evaluation.ranking import RankingMetrics
from nrms_torch.model.nrms import NRMS
from nrms_torch.training.assemble import for_training
from nrms_torch.training.lightning_module import NRMSModule
from nrms_torch.training.losses import LOSSES
from nrms_torch.training.memory import keep_freed_memory
from nrms_torch.training.trainer import make_trainer

# In view of an impression of EB-NeRD.
_MEAN_CANDIDATES = 11
_PLAIN: dict[str, Any] = {"enable_checkpointing": False, "enable_progress_bar": False}


def train(turns: Turns, config: dict[str, Any]) -> None:
    """Fit in a Lightning Trainer with a logger; a step is a batch, its loading included."""
    settings = settings_of(config)
    datamodule, module = for_training(settings, None)
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(
            settings.trainer,
            callbacks=[_Paced(turns)],
            logger=CSVLogger(folder),
            max_epochs=-1,
            # A smaller last batch would make TensorFlow compile once more.
            limit_train_batches=whole_batches(datamodule),
            limit_val_batches=0,
            **_PLAIN,
        )
        trainer.fit(module, datamodule=datamodule)


def multiply(turns: Turns, config: dict[str, Any]) -> None:
    """Make the matrix products of a training step, forward and backward, and nothing else."""
    keep_freed_memory()  # as a trainer does
    datamodule, module = for_training(settings_of(config), None)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model, table = module.model.to(device).train(), module.table.to(device)
    history, candidates, labels = (part.to(device) for part in _first_batch(datamodule))
    loss = LOSSES[module.training_parameters.loss]
    products = products_of(
        lambda: loss(model(table, history, candidates), labels).backward(), device
    )
    while steps := turns.wait():
        began = clock(device)
        for _ in range(steps):
            products()
        turns.report(seconds=clock(device) - began, work=steps * len(labels))


def evaluate(turns: Turns, config: dict[str, Any]) -> None:
    """Validate: all articles, all impressions, all metrics; a step is the whole split."""
    settings = settings_of(config)
    datamodule, module = for_training(settings, None)
    trainer = make_trainer(settings.trainer, logger=False, **_PLAIN)
    candidates = len(datamodule.impressions("validation").candidates)
    while steps := turns.wait():
        began = clock(module.device)
        for _ in range(steps):
            trainer.validate(module, datamodule=datamodule, verbose=False)
        turns.report(seconds=clock(module.device) - began, work=steps * candidates)


def encode(turns: Turns, config: dict[str, Any]) -> None:
    """Encode the distinct articles of a training batch, forward and backward: a step."""
    keep_freed_memory()  # as a trainer does
    datamodule, module = for_training(settings_of(config), None)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = module.model.to(device).train()
    batch = _first_batch(datamodule)
    rows = torch.cat([batch.candidates, batch.history], dim=1).unique()
    articles = module.table[rows].to(device)
    gradient = torch.randn(len(rows), model.hyper_parameters.vector_size, device=device)
    while steps := turns.wait():
        sgemm = measure_sgemm(device)
        began = clock(device)
        for _ in range(steps):
            model.zero_grad()
            model.encode_news(articles).backward(gradient)
        flops = steps * encoder_flops(model.hyper_parameters, len(rows))
        turns.report(seconds=clock(device) - began, work=flops, flops=flops, sgemm=sgemm)


def measure_ranking(turns: Turns, impressions: int) -> None:
    """Measure random scores of that many impressions with every metric: a step."""
    generator = torch.Generator().manual_seed(0)
    sizes = torch.randint(2, 2 * _MEAN_CANDIDATES - 1, (impressions,), generator=generator)
    offsets = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    scores = torch.rand(int(offsets[-1]), generator=generator)
    labels = torch.zeros(len(scores), dtype=torch.bool)
    labels[offsets[:-1]] = True
    while steps := turns.wait():
        began = time.perf_counter()
        for _ in range(steps):
            metrics = RankingMetrics()
            metrics.update(scores, labels, offsets)
            metrics.compute()
        turns.report(seconds=time.perf_counter() - began, work=steps * impressions)


def settings_of(config: dict[str, Any]) -> DictConfig:
    """Make a configuration of the plain values that a process is sent."""
    return OmegaConf.create(config)


def whole_batches(datamodule: NewsDataModule) -> int:
    """Give the number of whole batches of an epoch; InputError where there is none."""
    config = datamodule.config
    if not (batches := len(datamodule.rows) // config.batch_size):
        raise InputError(
            f"batch: {config.batch_size} is more than the {len(datamodule.rows)} training rows "
            f"of {config.folder}"
        )
    return batches


def _first_batch(datamodule: NewsDataModule) -> TrainingBatch:
    whole_batches(datamodule)
    batch: TrainingBatch = next(iter(datamodule.train_dataloader()))
    return batch


class _Paced(L.Callback):
    """Holds a fit still between turns, and reports what each turn took."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Wait for the first turn."""
        self._wait(trainer, pl_module)

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: TrainingBatch,
        batch_idx: int,
    ) -> None:
        """Count the batch; at the end of a turn report it and wait for the next."""
        self.batches.append(batch)
        self.losses.append(outputs["loss"].detach())
        if len(self.batches) == self.steps:
            self._report(pl_module)
            self._wait(trainer, pl_module)

    def _wait(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.batches: list[TrainingBatch] = []
        self.losses: list[Tensor] = []
        self.steps = self.turns.wait()
        trainer.should_stop = self.steps == 0
        if self.steps:
            self.sgemm = measure_sgemm(module.device)
            self.began = clock(module.device)

    def _report(self, module: L.LightningModule) -> None:
        assert isinstance(module, NRMSModule)
        self.turns.report(
            seconds=clock(module.device) - self.began,
            work=sum(len(batch.labels) for batch in self.batches),
            flops=sum(_flops(module.model, batch) for batch in self.batches),
            sgemm=self.sgemm,
            losses=tuple(torch.stack(self.losses).tolist()),
        )


def _flops(model: NRMS, batch: TrainingBatch) -> float:
    if model.news_encoder.stack is None:  # one call encodes both, and the users have all of it
        articles = clicked = len(torch.cat([batch.candidates, batch.history], dim=1).unique())
    else:
        clicked = len(batch.history.unique())
        articles = len(batch.candidates.unique()) + clicked
    return training_flops(
        model.hyper_parameters, articles=articles, clicked=clicked, rows=len(batch.labels)
    )
