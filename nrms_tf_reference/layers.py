"""The baseline's layers: self-attention, additive pooling, and one encoder over many articles.

Dimensions: N sequences, L positions, I input width, D = head_num · head_dim, A hidden width.
The class names matter: Keras 3 names the groups of a weight file after them.
"""

from typing import Any

import keras
from keras import ops


class SelfAttention(keras.layers.Layer):
    """Multi-head self-attention with O = Aᵀ·V: output k sums A[q, k] V[q] over the queries q.

    No bias, output projection, residual, layer norm or mask. WQ, WK and WV are drawn with one
    seed, so they start identical.
    """

    def __init__(self, head_num: int, head_dim: int, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.head_num = head_num
        self.head_dim = head_dim
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make WQ, WK and WV, each (I, D)."""
        shape = (input_shape[-1], self.head_num * self.head_dim)
        self.WQ, self.WK, self.WV = (
            self.add_weight(name=name, shape=shape, initializer=_glorot_uniform(self.seed))
            for name in ("WQ", "WK", "WV")
        )

    def call(self, X: Any) -> Any:
        """Attend over positions: (N, L, I) to (N, L, D)."""
        Q, K, V = (self._heads(ops.matmul(X, W)) for W in (self.WQ, self.WK, self.WV))
        logits = ops.einsum("nqhd,nkhd->nhqk", Q, K) / self.head_dim**0.5
        A = ops.softmax(logits, axis=-1)
        outputs = ops.einsum("nhqk,nqhd->nkhd", A, V)
        return ops.reshape(outputs, (-1, X.shape[1], self.head_num * self.head_dim))

    def _heads(self, X: Any) -> Any:
        return ops.reshape(X, (-1, X.shape[1], self.head_num, self.head_dim))


class AttLayer2(keras.layers.Layer):
    """Additive pooling with weights a / (Σa + 1e-7), a = exp(tanh(X·W + b)·q), no maximum taken."""

    def __init__(self, hidden_size: int, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make W (I, A), b (A,) and q (A, 1)."""
        A = self.hidden_size
        glorot_uniform = _glorot_uniform(self.seed)
        self.W = self.add_weight(name="W", shape=(input_shape[-1], A), initializer=glorot_uniform)
        self.b = self.add_weight(name="b", shape=(A,), initializer="zeros")
        self.q = self.add_weight(name="q", shape=(A, 1), initializer=glorot_uniform)

    def call(self, X: Any) -> Any:
        """Pool positions: (N, L, I) to (N, I)."""
        a = ops.exp(ops.matmul(ops.tanh(ops.matmul(X, self.W) + self.b), self.q))
        weights = a / (ops.sum(a, axis=1, keepdims=True) + 1e-7)
        return ops.sum(X * weights, axis=1)


class TimeDistributed(keras.layers.TimeDistributed):
    """Keras 2's TimeDistributed: the articles of all impressions go through the layer at once.

    Keras 3 calls the layer once per position, so that BatchNorm sees each position apart.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Encode articles: (B, C, ·) to (B, C, D), as B·C rows of one call."""
        flattened = ops.reshape(inputs, (-1, *inputs.shape[2:]))
        outputs = self.layer(flattened, training=training)
        return ops.reshape(outputs, (-1, ops.shape(inputs)[1], *outputs.shape[1:]))


def _glorot_uniform(seed: int) -> keras.Initializer:
    return keras.initializers.GlorotUniform(seed)
