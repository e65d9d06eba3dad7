"""Training as the baseline's `fit` does it: losses on the dots, L2 terms, Keras' Adam.

Dimensions: B impressions, C candidates.
"""

from typing import Any, NamedTuple

import keras
import tensorflow as tf


def cross_entropy_loss(labels: tf.Tensor, dots: tf.Tensor) -> tf.Tensor:
    """Mean over B of −Σ y log softmax(dots); labels and dots are (B, C)."""
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels, dots))


def log_loss(labels: tf.Tensor, dots: tf.Tensor) -> tf.Tensor:
    """Mean over B·C of the binary cross-entropy of sigmoid(dots); labels and dots are (B, C).

    The baseline hands it the softmax, but Keras 2 finds the dots behind that and applies a sigmoid
    to them (measured).
    """
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, dots))


LOSSES = {"cross_entropy_loss": cross_entropy_loss, "log_loss": log_loss}


class TrainingPass(NamedTuple):
    """One pass in training mode; the gradients are of the sum of both losses.

    `softmax` is (B, C) and `gradients` are in the order of the model's trainable variables.
    """

    softmax: tf.Tensor
    data_loss: tf.Tensor
    regularization_loss: tf.Tensor
    gradients: list[tf.Tensor]


class Trainer:
    """Trains the model whose outputs are dot products, one batch a step.

    Args:
        dots: from [history, candidates] to dots (B, C).
        loss: a name of LOSSES.
        learning_rate: Adam's; it is not scheduled.
    """

    def __init__(self, dots: keras.Model, loss: str, learning_rate: float) -> None:
        if loss not in LOSSES:
            raise ValueError(f"loss is {loss!r}; expected one of {sorted(LOSSES)}")
        # Keras adds epsilon before the bias correction: w −= lr·√(1−β₂ᵗ)/(1−β₁ᵗ)·m / (√v + ε).
        self.optimizer = keras.optimizers.Adam(
            learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
        )
        self._dots = dots
        self._loss = LOSSES[loss]
        self._compiled_step = tf.function(self._step, reduce_retracing=True)

    def training_pass(self, history: Any, candidates: Any, labels: Any) -> TrainingPass:
        """Differentiate both losses; BatchNorm's moving statistics move, the weights do not."""
        with tf.GradientTape() as tape:
            dots = self._dots([history, candidates], training=True)
            data_loss = self._loss(tf.cast(labels, dots.dtype), dots)
            # Keras lists a term once, however often its layer was called.
            regularization_loss = tf.add_n([tf.zeros((), dots.dtype), *self._dots.losses])
            loss = data_loss + regularization_loss
        gradients = tape.gradient(loss, self._dots.trainable_variables)
        # The embedding's gradient has a row for each token that occurred. Keras 3 would square
        # those of one token id apart, where Keras 2 sums them first.
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        return TrainingPass(tf.nn.softmax(dots), data_loss, regularization_loss, gradients)

    def step(self, history: Any, candidates: Any, labels: Any) -> tf.Tensor:
        """Move the weights by one Adam step and give the loss that it started from, L2 included."""
        if not self.optimizer.built:  # its variables cannot be made inside a compiled function
            self.optimizer.build(self._dots.trainable_variables)
        return self._compiled_step(history, candidates, labels)

    def _step(self, history: Any, candidates: Any, labels: Any) -> tf.Tensor:
        result = self.training_pass(history, candidates, labels)
        self.optimizer.apply(result.gradients, self._dots.trainable_variables)
        return result.data_loss + result.regularization_loss
