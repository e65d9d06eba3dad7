"""Whole training runs, through Lightning, against those recorded of the TensorFlow baseline."""

import lightning as L
import numpy as np
import pytest
import torch
from golden_files import RECORDINGS, load_recording
from torch.utils.data import DataLoader

from nrms_torch.keras_weights.names import to_keras
from nrms_torch.training.lightning_module import NRMSModule

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")


class LossRecorder(L.Callback):
    """Keeps what each training step minimised."""

    def __init__(self):
        self.losses = []

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        self.losses.append(outputs["loss"].item())


@pytest.fixture(params=RECORDINGS, scope="module")
def run(request, tmp_path_factory):
    """A recording, the module trained on its trajectory, and the losses on the way."""
    recording = load_recording(request.param)
    module = NRMSModule(
        hyper_parameters=recording.hyper_parameters,
        training={name: recording.config[name] for name in ("learning_rate", "loss")},
        seed=0,
    )
    module.model.load_state_dict(recording.model().state_dict())
    module.table = recording.table
    recorder = LossRecorder()
    trainer = L.Trainer(
        max_epochs=1,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=[recorder],
        default_root_dir=tmp_path_factory.mktemp("run"),
    )
    trainer.fit(module, DataLoader(recording.trajectory, batch_size=None))
    return recording, module, recorder.losses


def test_losses_equal_the_recorded_with_the_l2_term_in_them(run):
    recording, _, losses = run
    expected = recording.group("expected")
    np.testing.assert_allclose(losses, expected["trajectory_losses"], rtol=0, atol=5e-5)
    # The trajectory starts with the batch whose two losses are recorded apart.
    assert losses[0] == pytest.approx(expected["data_loss"] + expected["regularization_loss"])


def test_final_weights_equal_the_recorded(run):
    recording, module, _ = run
    expected = recording.group("final_weights")
    ours = to_keras(module.model, module.model.state_dict())
    assert ours.keys() == expected.keys()
    # With dense layers a ReLU may come to sit on a rounding edge.
    atol = 1e-3 if recording.config["newsencoder_units_per_layer"] else 5e-5
    for name, array in expected.items():
        np.testing.assert_allclose(ours[name], array, rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize("run", ["nrms_tied_init"], indirect=True)
def test_weights_with_gradients_below_eps_move_as_far_as_recorded(run):
    recording, module, _ = run
    start, end = recording.group("weights"), recording.group("final_weights")
    ours = to_keras(module.model, module.model.state_dict())
    for name in (
        f"{part}_encoder.self_attention.{W}" for part in ("news", "user") for W in ("WQ", "WK")
    ):
        way = np.linalg.norm(end[name] - start[name])
        assert np.linalg.norm(ours[name] - end[name]) <= 0.02 * way, name


@torch.no_grad()
def test_final_scores_equal_the_recorded(run):
    recording, module, _ = run
    dots = module.model.eval()(recording.table, *recording.inputs[:2])
    expected = recording.arrays["expected/final_softmax"]
    np.testing.assert_allclose(dots.softmax(dim=1).numpy(), expected, rtol=0, atol=5e-5)
