"""A recorded training run, taken by our own LightningModule: losses, final weights and scores."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader

from nrms_tf_reference.parity.check import Check, largest_difference
from nrms_tf_reference.parity.recording import Recording
from nrms_torch.data.loading import TrainingBatch
from nrms_torch.model.keras_names import to_keras
from nrms_torch.training.lightning_module import NRMSModule

TRAJECTORY = 5e-5
# With dense layers a ReLU may come to sit on a rounding edge, and its unit goes another way.
BEHIND_AN_EDGE = 1e-3


class _LossRecorder(L.Callback):
    """Keeps what each training step minimised."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Take the step's loss, the L2 term in it."""
        self.losses.append(outputs["loss"].item())


def training_outputs(recording: Recording) -> dict[str, np.ndarray]:
    """Train on the recorded steps, and give what the recording holds of it under its names."""
    module = NRMSModule(
        hyper_parameters=recording.hyper_parameters,
        training={name: recording.config[name] for name in ("learning_rate", "loss")},
        seed=0,
    )
    module.model.load_state_dict(recording.model().state_dict())
    module.table = recording.table
    losses = train_on(module, recording.trajectory)
    model = module.model.eval()
    with torch.no_grad():
        dots = model(recording.table, *recording.inputs[:2])
    final = to_keras(model, model.state_dict())
    return {
        "expected/trajectory_losses": losses,
        "expected/final_softmax": dots.softmax(dim=1).numpy(),
    } | {f"final_weights/{name}": array for name, array in final.items()}


def train_on(module: NRMSModule, batches: Sequence[TrainingBatch]) -> np.ndarray:
    """Take a training step on each batch; give the losses (steps,), each from before its step."""
    recorder = _LossRecorder()
    trainer = L.Trainer(
        max_epochs=1,
        accelerator="cpu",  # what is compared was computed there
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[recorder],
    )
    dataset: Any = batches
    with warnings.catch_warnings():
        # There is nothing to validate on, and so nothing to schedule by.
        warnings.filterwarnings("ignore", message=".*val_dataloader|ReduceLROnPlateau")
        trainer.fit(module, DataLoader(dataset, batch_size=None))
    return np.array(recorder.losses)


def check_training(
    recording: Recording, found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]
) -> list[Check]:
    """Hold a training run against the expected, each under the recording's names."""
    file = recording.path.name

    def apart(name: str) -> float:
        return largest_difference(f"{recording.path}: {name}", found[name], expected[name])

    def check(what: str, name: str, note: str = "") -> Check:
        return Check(file, what, apart(name), TRAJECTORY, note)

    steps = len(found["expected/trajectory_losses"])
    return [
        check("trajectory_losses", "expected/trajectory_losses", f"{steps} steps"),
        _check_weights(recording, {n: apart(n) for n in found if n.startswith("final_weights/")}),
        check("final_softmax", "expected/final_softmax"),
    ]


def _check_weights(recording: Recording, apart: Mapping[str, float]) -> Check:
    worst = max(apart, key=lambda name: apart[name])
    note = worst.removeprefix("final_weights/")
    tolerance = BEHIND_AN_EDGE if recording.has_dense_layers else TRAJECTORY
    if TRAJECTORY < apart[worst] <= tolerance:
        note += ", after a ReLU edge"
    return Check(recording.path.name, "final weights", apart[worst], tolerance, note)
