"""The reference as its users see it: numpy in, numpy out.

Dimensions: B impressions, H history length, C candidates, N (history, candidate) pairs, T tokens
of a title, W width of a document vector.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nrms_tf_reference import weights
from nrms_tf_reference.data import Batch
from nrms_tf_reference.hyper_parameters import HyperParameters, from_config
from nrms_tf_reference.models import build_models
from nrms_tf_reference.training import Trainer, TrainingPass


class Reference:
    """A baseline model with its training.

    Features are token ids (…, T) or document vectors (…, W): those of histories (B, H, ·), those of
    candidates (B, C, ·).
    """

    def __init__(
        self, hyper_parameters: HyperParameters, embeddings: np.ndarray | None, seed: int
    ) -> None:
        models = build_models(hyper_parameters, embeddings, seed)
        self.hyper_parameters = hyper_parameters
        self.model = models.model
        self.scorer = models.scorer
        self.news_encoder = models.news_encoder
        self.user_encoder = models.user_encoder
        self._dots = models.dots
        self._trainer = Trainer(models.dots, hyper_parameters.loss, hyper_parameters.learning_rate)
        # Only for the optimizer to be in weight files, as it is in users'.
        self.model.compile(self._trainer.optimizer)
        self._variables = weights.named_variables(self.news_encoder, self.user_encoder)

    def get_weights(self) -> dict[str, np.ndarray]:
        """Copy all weights, BatchNorm's moving statistics among them, under their names."""
        return weights.get_weights(self._variables)

    def set_weights(self, named: Mapping[str, np.ndarray]) -> None:
        """Replace all weights; the optimizer's state stays; ValueError if one does not fit."""
        weights.set_weights(self._variables, named)

    def save_weights(self, path: str | Path) -> None:
        """Write a Keras 3 file, whose name must end in `.weights.h5`."""
        self.model.save_weights(path)

    def load_weights(self, path: str | Path) -> None:
        """Read a Keras 3 `.weights.h5` file of a model of the same shapes."""
        self.model.load_weights(path)

    def train_step(
        self, history_features: np.ndarray, candidate_features: np.ndarray, labels: np.ndarray
    ) -> float:
        """Take one Adam step; give the loss before it: the data's plus the L2 terms."""
        return float(self._trainer.step(history_features, candidate_features, labels))

    def fit(self, batches: Iterable[Batch], epochs: int = 1) -> np.ndarray:
        """Train on all batches in their order, `epochs` times; give the losses (epochs, steps).

        With several epochs `batches` is gone through anew each time: a list or a loader.
        """
        return np.array([[self.train_step(*batch) for batch in batches] for _ in range(epochs)])

    def training_pass(
        self, history_features: np.ndarray, candidate_features: np.ndarray, labels: np.ndarray
    ) -> tuple[TrainingPass, dict[str, np.ndarray]]:
        """Give one pass in training mode, without a step, and its gradients under their names.

        As any training pass it moves BatchNorm's moving statistics.
        """
        result = self._trainer.training_pass(history_features, candidate_features, labels)
        by_variable = dict(
            zip(map(id, self.model.trainable_variables), result.gradients, strict=True)
        )
        gradients = {
            name: by_variable[id(variable)].numpy()
            for name, variable in self._variables.items()
            if variable.trainable
        }
        return result, gradients

    def softmax(self, history_features: np.ndarray, candidate_features: np.ndarray) -> np.ndarray:
        """Score as in training, without dropout: (B, C), each row summing to one."""
        return self.model([history_features, candidate_features], training=False).numpy()

    def dots(self, history_features: np.ndarray, candidate_features: np.ndarray) -> np.ndarray:
        """Give the dot products behind softmax and sigmoid: (B, C)."""
        return self._dots([history_features, candidate_features], training=False).numpy()

    def score(self, history_features: np.ndarray, candidate_features: np.ndarray) -> np.ndarray:
        """Give the sigmoid (N,) of histories (N, H, ·) with one candidate (N, 1, ·) each."""
        return self.scorer([history_features, candidate_features], training=False).numpy()[:, 0]

    def encode_news(self, features: np.ndarray) -> np.ndarray:
        """Encode articles: (N, ·) to vectors (N, D)."""
        return self.news_encoder(features, training=False).numpy()

    def encode_users(self, history_features: np.ndarray) -> np.ndarray:
        """Encode the users with these histories: (B, H, ·) to vectors (B, D)."""
        return self.user_encoder(history_features, training=False).numpy()


def build(
    config: Mapping[str, Any], embeddings: np.ndarray | None = None, seed: int = 0
) -> Reference:
    """Make a model with the baseline's initial weights.

    Args:
        config: hyper-parameters under the baseline's names; `model` is `nrms` or `docvec`.
        embeddings: NRMS' word embeddings (V, E), which tell V and E where `config` does not;
            without them they are Glorot uniform.
        seed: of the initial weights and of dropout.

    Raises:
        ValueError: a hyper-parameter is unknown or missing, or `embeddings` do not fit.
    """
    hyper_parameters = from_config(config)
    if hyper_parameters.model == "nrms":
        hyper_parameters = _with_vocabulary(hyper_parameters, embeddings)
    elif embeddings is not None:
        raise ValueError("embeddings are given; a docvec model has none")
    return Reference(hyper_parameters, embeddings, seed)


def _with_vocabulary(hp: HyperParameters, embeddings: np.ndarray | None) -> HyperParameters:
    shape = (hp.vocab_size, hp.word_emb_dim)
    if embeddings is None:
        if None in shape:
            raise ValueError("nrms without embeddings needs vocab_size and word_emb_dim")
        return hp
    if any(size not in (None, found) for size, found in zip(shape, embeddings.shape, strict=True)):
        raise ValueError(f"embeddings have shape {embeddings.shape}; expected {shape}")
    return replace(hp, vocab_size=embeddings.shape[0], word_emb_dim=embeddings.shape[1])
