"""What the configured callbacks and the plateau schedule make of a course of validation AUCs."""

import warnings

import lightning as L
import pytest
import torch
from golden_files import load_recording
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from run_script import ROOT
from torch.utils.data import DataLoader

from nrms_torch.data.loading import EvaluationChunk
from nrms_torch.evaluation.ranking import RankingMetrics
from nrms_torch.training.lightning_module import NRMSModule
from nrms_torch.training.variants import resolve_variant

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")
START = 1e-4
# Better twice, then two epochs no better; better by just too little; and no better to the end.
AUCS = [0.5, 0.6, 0.59, 0.6, 0.60008, 0.5, 0.62, 0.61, 0.62, 0.4, 0.3]


class Course(RankingMetrics):
    """Metrics whose AUC is told beforehand, one an epoch."""

    def __init__(self, aucs):
        super().__init__()
        self.aucs = iter(aucs)

    def compute(self):
        return super().compute() | {"auc": torch.tensor(next(self.aucs))}


class Rates(L.Callback):
    """Keeps the learning rate of each epoch."""

    def __init__(self):
        self.rates = []

    def on_train_epoch_start(self, trainer, module):
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])


def configured(run, *names):
    """Callbacks as scripts/train.py makes them."""
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        config = compose("train", overrides=[f"run={run}", "model.variant=baseline"])
    resolve_variant(config)
    return [instantiate(config.callbacks[name]) for name in names], config.training


def train(tmp_path, aucs, *names):
    """Train for as many epochs as there are AUCs, or until a callback stops it."""
    recording = load_recording("nrms_docvec")
    callbacks, training = configured(tmp_path, *names)
    assert training.learning_rate == START
    module = NRMSModule(recording.hyper_parameters, dict(training), seed=0)
    module.table = recording.table
    module.metrics = Course(aucs)
    rates = Rates()
    trainer = L.Trainer(
        max_epochs=len(aucs),
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing="best" in names,
        num_sanity_val_steps=0,
        callbacks=[rates, *callbacks],
    )
    history = recording.inputs.history[:1]
    chunk = EvaluationChunk(
        histories=history,
        owner=torch.tensor([0]),
        positions=torch.tensor([0]),
        offsets=torch.tensor([0, 2]),
        candidates=torch.tensor([1, 2]),
        labels=torch.tensor([True, False]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(
            module,
            DataLoader(recording.trajectory[:1], batch_size=None),
            DataLoader([chunk], batch_size=None),
        )
    return rates.rates


def kerass_rates(aucs, *, factor=0.2, patience=2, least=1e-6, min_delta=1e-4):
    """The rates of Keras' ReduceLROnPlateau, which acts at the end of an epoch."""
    rate, best, wait, rates = START, float("-inf"), 0, []
    for auc in aucs:
        rates.append(rate)
        if auc > best + min_delta:
            best, wait = auc, 0
        else:
            wait += 1
            if wait >= patience:
                rate, wait = max(rate * factor, least), 0
    return rates


def test_the_learning_rate_falls_where_kerass_would(tmp_path):
    aucs = AUCS + [0.3] * 6
    rates = train(tmp_path, aucs)
    assert rates == pytest.approx(kerass_rates(aucs))
    # The course comes to every turn there is.
    assert rates[3] == START
    assert rates[4] == pytest.approx(START / 5)
    assert rates[-1] == 1e-6


def test_training_stops_after_four_epochs_without_a_better_auc(tmp_path):
    aucs = [0.5, 0.6, 0.59, 0.6, 0.58, 0.61, 0.6, 0.61, 0.3, 0.4, 0.9]
    # .61 is the last to be better, and the fourth epoch after it the last of all.
    assert len(train(tmp_path, aucs, "early_stopping")) == 10


@pytest.mark.slow
def test_the_best_checkpoint_is_of_the_highest_auc(tmp_path):
    train(tmp_path, [0.5, 0.6, 0.7, 0.65], "best")
    best = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["epoch"] == 2
