"""Outputs, losses and gradients of one pass: what our model gives, and how far off it is."""

from collections.abc import Mapping

import numpy as np
import torch

from nrms_tf_reference.parity.check import Check, largest_difference
from nrms_tf_reference.parity.recording import Recording
from nrms_torch.model.keras_names import to_keras
from nrms_torch.training.losses import LOSSES

OUTPUT = 2e-6
GRADIENT = 1e-5
LOSS = 1e-5
# Batch statistics over tokens amplify rounding: seen against float64, the recording's is 4e-6 and
# ours a tenth of it.
TOKEN_STATISTICS = 1e-5


def model_outputs(recording: Recording) -> dict[str, np.ndarray]:
    """Compute what a recording holds of its model, under the recording's names."""
    model, (history, candidates, _) = recording.model(), recording.inputs
    with torch.no_grad():
        news_vectors = model.encode_news(recording.table)
        user_vectors = model.encode_users(news_vectors[history], history)
        dots = model(recording.table, history, candidates)
    outputs = {
        "softmax": dots.softmax(dim=1),
        "sigmoid": dots.sigmoid(),
        "news_vectors": news_vectors,
        "user_vectors": user_vectors,
    }
    named = {f"expected/{name}": tensor.numpy() for name, tensor in outputs.items()}
    return named | _training_pass(recording)


def check_model(
    recording: Recording, found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]
) -> list[Check]:
    """Hold one pass against the expected, each under the recording's names."""
    file = recording.path.name

    def apart(name: str) -> float:
        return largest_difference(f"{recording.path}: {name}", found[name], expected[name])

    def size(name: str) -> float:
        return float(np.abs(expected[name]).max())

    checks = [
        Check(file, name, apart(f"expected/{name}"), OUTPUT) for name in ("softmax", "sigmoid")
    ]
    over_tokens = recording.has_dense_layers and recording.config["model"] == "nrms"
    in_training = TOKEN_STATISTICS if over_tokens else OUTPUT
    checks.append(Check(file, "train_softmax", apart("expected/train_softmax"), in_training))
    for name in ("news_vectors", "user_vectors"):
        # Vectors reach 10, where neighbouring float32 numbers are 1e-6 apart.
        scale = max(1.0, size(f"expected/{name}"))
        note = f"over {scale:.3g}, the largest" if scale > 1 else ""
        checks.append(Check(file, name, apart(f"expected/{name}") / scale, OUTPUT, note))
    for name in ("data_loss", "regularization_loss"):
        scale = size(f"expected/{name}") or 1.0
        checks.append(Check(file, name, apart(f"expected/{name}") / scale, LOSS, "relative"))
    return checks + _check_gradients(recording, found, expected)


def _training_pass(recording: Recording) -> dict[str, np.ndarray]:
    model = recording.model().train()
    history, candidates, labels = recording.inputs
    dots = model(recording.table, history, candidates)
    data_loss = LOSSES[recording.config["loss"]](dots, labels)
    regularization_loss = model.regularization_loss()
    (data_loss + regularization_loss).backward()
    gradients = {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for name, parameter in model.named_parameters()
    }
    named = to_keras(model, gradients)
    return {
        "expected/train_softmax": dots.softmax(dim=1).detach().numpy(),
        "expected/data_loss": data_loss.detach().numpy(),
        "expected/regularization_loss": regularization_loss.detach().numpy(),
    } | {f"gradients/{name}": array for name, array in named.items()}


def _check_gradients(
    recording: Recording, found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]
) -> list[Check]:
    """Check the gradient as one vector, and show its worst tensor.

    A single tensor is given relative to its own largest entry, and has no tolerance: behind
    BatchNorm over tokens the recorded tensors themselves carry an error of 2e-5.
    """
    names = [name for name in found if name.startswith("gradients/")]
    squares, off, relative = 0.0, 0.0, {}
    # At the baseline's initial weights whole tensors cancel down to the float32 rounding of what
    # flows past them, which is no difference of theirs.
    floor = 2.0**-23 * max(float(np.abs(expected[name]).max()) for name in names)
    for name in names:
        theirs = expected[name].astype(np.float64)
        apart = largest_difference(f"{recording.path}: {name}", found[name], theirs)
        squares += float((theirs**2).sum())
        off += float(((found[name] - theirs) ** 2).sum())
        relative[name] = max(0.0, apart - floor) / (float(np.abs(theirs).max()) or 1.0)
    worst = max(names, key=lambda name: relative[name])
    whole = (off / squares) ** 0.5 if squares else off**0.5
    tensor = worst.removeprefix("gradients/")
    file = recording.path.name
    return [
        Check(file, "gradient", whole, GRADIENT, "relative, as one vector"),
        Check(file, "gradient, worst tensor", relative[worst], None, f"relative, {tensor}"),
    ]
