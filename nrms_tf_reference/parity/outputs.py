"""What ours gives for a recording, under its names: one pass, and the recorded training run."""

import warnings
from collections.abc import Sequence
from typing import Any

import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader

from nrms_tf_reference.parity.recording import Recording
from nrms_torch.data.loading import TrainingBatch
from nrms_torch.keras_weights.names import to_keras
from nrms_torch.training.lightning_module import NRMSModule
from nrms_torch.training.losses import LOSSES


def our_outputs(recording: Recording) -> dict[str, np.ndarray]:
    """Compute all that a recording holds of its model."""
    return model_outputs(recording) | training_outputs(recording)


def model_outputs(recording: Recording) -> dict[str, np.ndarray]:
    """Compute scores and vectors, and the losses and gradients of one pass in training mode."""
    model, (history, candidates, labels) = recording.model(), recording.inputs
    with torch.no_grad():
        news_vectors = model.encode_news(recording.table)
        user_vectors = model.encode_users(news_vectors[history], history)
        dots = model(recording.table, history, candidates)
    in_training = model.train()(recording.table, history, candidates)
    data_loss = LOSSES[recording.config["loss"]](in_training, labels)
    regularization_loss = model.regularization_loss()
    (data_loss + regularization_loss).backward()
    outputs = {
        "softmax": dots.softmax(dim=1),
        "sigmoid": dots.sigmoid(),
        "news_vectors": news_vectors,
        "user_vectors": user_vectors,
        "train_softmax": in_training.softmax(dim=1),
        "data_loss": data_loss,
        "regularization_loss": regularization_loss,
    }
    gradients = {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for name, parameter in model.named_parameters()
    }
    return {f"expected/{name}": tensor.detach().numpy() for name, tensor in outputs.items()} | {
        f"gradients/{name}": array for name, array in to_keras(model, gradients).items()
    }


def training_outputs(recording: Recording) -> dict[str, np.ndarray]:
    """Train on the recorded steps: their losses, and the weights and scores behind the last."""
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


class _LossRecorder(L.Callback):
    """Keeps what each training step minimised."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Take the step's loss, the L2 term in it."""
        self.losses.append(outputs["loss"].item())


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
