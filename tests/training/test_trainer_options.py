"""Options of the trainer that change arithmetic: half precision, gradients of several batches."""

import lightning as L
import pytest
import torch
from golden_files import load_recording
from torch.nn import functional as F
from torch.utils.data import DataLoader

from nrms_torch.data.loading import TrainingBatch
from nrms_torch.model.attention import AdditivePooling
from nrms_torch.training.lightning_module import NRMSModule

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")

RECORDING = load_recording("nrms")
BATCHES = RECORDING.trajectory[:20]


class Losses(L.Callback):
    """Keeps each step's loss."""

    def __init__(self):
        self.values = []

    def on_train_batch_end(self, trainer, pl_module, outputs, *_):
        self.values.append(outputs["loss"].item())


STANDARD = {
    **{name: RECORDING.hyper_parameters[name] for name in ("name", "title_size")},
    **{name: RECORDING.hyper_parameters[name] for name in ("vocabulary_size", "embedding_size")},
    "variant": "standard",
    "categories": ["art"],
}


def module_of(variant, training):
    """The recorded weights in the baseline, those that it starts from in the standard variant."""
    if variant == "standard":
        module = NRMSModule(STANDARD, training, seed=0)
        module.table = F.pad(RECORDING.table, (0, 2))
        return module
    module = NRMSModule(RECORDING.hyper_parameters, training, seed=0)
    module.model.load_state_dict(RECORDING.model().state_dict())
    module.table = RECORDING.table
    return module


def train(batches, variant="baseline", **options):
    """Train from the recorded weights through the real Trainer; give the weights and the losses."""
    training = {name: RECORDING.config[name] for name in ("learning_rate", "loss")}
    module, losses = module_of(variant, training), Losses()
    trainer = L.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[losses],
        **options,
    )
    trainer.fit(module, DataLoader(batches, batch_size=None))
    return module.model.state_dict(), losses.values


def test_accumulated_gradients_of_two_halves_are_those_of_the_whole_batch():
    whole, _ = train(BATCHES)
    halves = [
        half for batch in BATCHES for half in zip(*(part.chunk(2) for part in batch), strict=True)
    ]
    found, _ = train([TrainingBatch(*half) for half in halves], accumulate_grad_batches=2)
    start = RECORDING.model().state_dict()
    for name, expected in whole.items():
        torch.testing.assert_close(found[name], expected, rtol=0, atol=1e-5)
        assert (expected - start[name]).abs().max() > 1e-3, name


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_half_precision_trains_as_full_precision_does_but_for_rounding(precision):
    _, losses = train(BATCHES)
    weights, half_losses = train(BATCHES, precision=precision)
    assert half_losses == pytest.approx(losses, abs=0.05)
    assert half_losses != losses
    for name, weight in weights.items():
        assert weight.dtype == torch.float32, name
        assert weight.isfinite().all(), name


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("variant", ["baseline", "standard"])
def test_gradients_are_clipped_in_any_precision(precision, variant):
    training = {name: RECORDING.config[name] for name in ("learning_rate", "loss")}
    start = module_of(variant, training).model.state_dict()
    weights, _ = train(BATCHES[:1], variant, precision=precision, gradient_clip_val=1e-12)
    for name, weight in weights.items():
        # Far under Adam's eps, such gradients move nothing to speak of.
        assert (weight - start[name]).abs().max() < 1e-5, name


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_pooling_of_far_out_logits_does_not_overflow_in_half_precision(kind):
    pooling = AdditivePooling(4, 3)
    with torch.no_grad():
        pooling.W.fill_(1)
        pooling.q.fill_(10)  # logits of 30; float16 overflows beyond exp(11)
    X = torch.rand(2, 5, 4) + 2
    with torch.autocast("cpu", kind):
        found = pooling(X)
    torch.testing.assert_close(found.float(), X.mean(dim=1), rtol=0.02, atol=0)
