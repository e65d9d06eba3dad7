"""Adam as Keras computes it."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class KerasAdam(torch.optim.Adam):
    """Adam with Keras' epsilon: w -= lr √(1-β₂ᵗ) / (1-β₁ᵗ) · m / (√v + eps).

    torch adds its eps after the bias correction, so it equals Keras only with eps / √(1-β₂ᵗ) at
    step t. It matters: at the baseline's initial weights the gradients of WQ and WK are about
    1e-10, far under eps (measured on the TensorFlow baseline).
    """

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-4, keras_eps: float = 1e-7) -> None:
        # Fused: one pass over the parameters, a tenth of the time on a CPU.
        super().__init__(params, lr=lr, betas=(0.9, 0.999), eps=keras_eps, fused=True)
        for group in self.param_groups:
            group["keras_eps"] = keras_eps
            group["steps"] = 0

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step; every parameter is taken to have a gradient at each."""
        for group in self.param_groups:
            group["steps"] += 1
            group["eps"] = group["keras_eps"] / (1 - group["betas"][1] ** group["steps"]) ** 0.5
        return super().step(closure)
