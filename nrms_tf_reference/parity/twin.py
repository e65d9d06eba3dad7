"""The TensorFlow twin of one of our modules: the same configuration and, if wished, weights.

Dimensions: R rows of the article table, N candidates, D width of a vector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nrms_tf_reference.parity.recording import SHARED_NAMES
from nrms_torch.data.impressions import Impressions
from nrms_torch.errors import InputError
from nrms_torch.keras_weights.names import from_keras, to_keras
from nrms_torch.model.hyper_parameters import NRMSDocVecHyperParameters, NRMSHyperParameters
from nrms_torch.training.lightning_module import NRMSModule

if TYPE_CHECKING:  # TensorFlow takes seconds to import, and may not be installed
    from nrms_tf_reference.reference import Reference

ARTICLES_PER_CALL = 1024  # encoded at a time, those of histories too: NRMS takes 0.3 MB for each
CANDIDATES_PER_PART = 65_536  # whose vectors are gathered at a time


def twin_config(module: NRMSModule) -> dict[str, Any]:
    """Give a module's configuration as the reference takes it; InputError as `build_twin`."""
    hp, training = module.model.hyper_parameters, module.training_parameters
    if hp.variant != "baseline":
        raise InputError(
            f"model.variant: found {hp.variant}; expected baseline, for the reference is no other"
        )
    config = {name: getattr(hp, name) for name in SHARED_NAMES}
    config |= {"learning_rate": training.learning_rate, "loss": training.loss}
    match hp:
        case NRMSHyperParameters():
            sizes = {"vocab_size": hp.vocabulary_size, "word_emb_dim": hp.embedding_size}
            return config | {"model": "nrms", "title_size": hp.title_size, **sizes}
        case NRMSDocVecHyperParameters():
            return config | {"model": "docvec", "title_size": hp.document_vector_size}
        case _:
            raise TypeError(f"no reference for {type(hp).__name__}")


def build_twin(module: NRMSModule, *, seed: int, embeddings: np.ndarray | None = None) -> Reference:
    """Build the reference of a module's configuration, from initial weights of its own.

    It computes in the module's precision, float32 or float64. `embeddings` (V, E) are a
    transformer's, which both sides start from. Raises InputError where the module is none of the
    baseline.
    """
    import keras

    from nrms_tf_reference.reference import build

    before = keras.config.floatx()
    _set_precision(str(next(module.model.parameters()).dtype).removeprefix("torch."))
    try:
        return build(twin_config(module), embeddings, seed)
    finally:
        _set_precision(before)


def give_weights(module: NRMSModule, twin: Reference) -> None:
    """Copy our weights into the twin."""
    twin.set_weights(to_keras(module.model, module.model.state_dict()))


def take_weights(module: NRMSModule, twin: Reference) -> None:
    """Copy the twin's weights into our model."""
    module.model.load_state_dict(from_keras(module.model, twin.get_weights()))


def twin_dots(twin: Reference, features: np.ndarray, impressions: Impressions) -> np.ndarray:
    """Score all candidates (N,) as the twin's encoders do, each article and history encoded once.

    `features` is the article table (R, …). The twin's scorer, which encodes the history anew for
    each candidate, gives the sigmoid of these.
    """
    shown, article = np.unique(impressions.candidates, return_inverse=True)
    read, user = np.unique(impressions.history_index, return_inverse=True)
    news = _in_calls(twin.encode_news, features, shown)
    users = _in_calls(twin.encode_users, features, impressions.histories[read])
    user_of_candidate = user.repeat(np.diff(impressions.offsets))
    dots = np.empty(len(article), dtype=np.float32)
    for start in range(0, len(dots), CANDIDATES_PER_PART):
        part = slice(start, start + CANDIDATES_PER_PART)
        dots[part] = (users[user_of_candidate[part]] * news[article[part]]).sum(axis=1)
    return dots


def _set_precision(name: str) -> None:
    """Set Keras' both settings: of layers, and of inputs and the optimizer's numbers."""
    import keras

    keras.config.set_floatx(name)
    keras.config.set_dtype_policy(name)


def _in_calls(encode: Any, features: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Encode rows of the article table, (N,) articles or (N, H) histories, to (N, D)."""
    step = max(1, ARTICLES_PER_CALL // rows[0].size)
    starts = range(0, len(rows), step)
    return np.concatenate([encode(features[rows[start : start + step]]) for start in starts])
