"""Batch normalisation as the baseline's Keras 2 trains it."""

from typing import Any

import keras


class BatchNormalization(keras.layers.BatchNormalization):
    """Statistics over all rows of a call; the moving ones are updated twice per training call.

    The second update is what Keras 2's TimeDistributed does to the layers it wraps (measured);
    after one call m becomes .99 (.99 m + .01 x) + .01 x. The moving variance is made of the
    biased variance. The class name is Keras' own, as it names the group in a weight file.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(momentum=0.99, epsilon=1e-3, **kwargs)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise each feature: (N, ..., I) to the same shape."""
        if training:
            super().call(inputs, training=True)  # for its update alone
        return super().call(inputs, training=training)
