"""The live TensorFlow reference, asked for what a recording holds."""

from importlib.util import find_spec

import numpy as np

from nrms_tf_reference.parity.recording import Recording
from nrms_torch.errors import InputError


def require_tensorflow() -> None:
    """Raise InputError where TensorFlow is not installed."""
    if find_spec("tensorflow") is None:
        raise InputError(
            "reference: TensorFlow is not installed; expected pip install 'nrms-torch[parity]', "
            "or reference=false"
        )


def reference_outputs(recording: Recording) -> dict[str, np.ndarray]:
    """Compute with the reference, from the recording's weights, what the recording holds.

    Raises InputError where the recording's configuration is none of the reference's.
    """
    from nrms_tf_reference.data import Batch
    from nrms_tf_reference.reference import build

    table, inputs = recording.arrays["inputs/table"], recording.group("inputs")
    history, candidates = table[inputs["history"]], table[inputs["candidates"]]
    weights = recording.group("weights")
    try:
        reference = build(recording.config)
        reference.set_weights(weights)
    except ValueError as error:
        raise InputError(f"{recording.path}: {error}") from error
    size = candidates.shape[1]
    sigmoid = reference.score(
        history.repeat(size, axis=0), candidates.reshape(-1, 1, *candidates.shape[2:])
    )
    outputs = {
        "softmax": reference.softmax(history, candidates),
        "sigmoid": sigmoid.reshape(candidates.shape[:2]),
        "news_vectors": reference.encode_news(table),
        "user_vectors": reference.encode_users(history),
    }
    one_pass, gradients = reference.training_pass(history, candidates, inputs["labels"])
    outputs["train_softmax"] = one_pass.softmax.numpy()
    outputs["data_loss"] = one_pass.data_loss.numpy()
    outputs["regularization_loss"] = one_pass.regularization_loss.numpy()

    reference.set_weights(weights)  # the pass has moved BatchNorm's statistics
    steps = recording.group("trajectory")
    batches = [
        Batch(table[rows], table[shown], labels)
        for rows, shown, labels in zip(
            steps["history"], steps["candidates"], steps["labels"], strict=True
        )
    ]
    outputs["trajectory_losses"] = reference.fit(batches)[0]
    outputs["final_softmax"] = reference.softmax(history, candidates)
    return (
        {f"expected/{name}": array for name, array in outputs.items()}
        | {f"gradients/{name}": array for name, array in gradients.items()}
        | {f"final_weights/{name}": array for name, array in reference.get_weights().items()}
    )
