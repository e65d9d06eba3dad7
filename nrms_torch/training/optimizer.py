"""Adam as Keras computes it."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor


class KerasAdam(torch.optim.Adam):
    """Adam with Keras' epsilon: w -= lr √(1-β₂ᵗ) / (1-β₁ᵗ) · m / (√v + eps).

    torch adds its eps after the bias correction, so it equals Keras only with eps / √(1-β₂ᵗ) at
    step t. It matters: at the baseline's initial weights the gradients of WQ and WK are about
    1e-10, far under eps (measured on the TensorFlow baseline). Keras also rounds β₁ and β₂ to
    float32 for the correction alone, and takes their powers in the weights' precision: its first
    step is 6e-6 shorter.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-4,
        keras_eps: float = 1e-7,
        *,
        fused: bool = True,
    ) -> None:
        super().__init__(params, lr=lr, betas=(0.9, 0.999), eps=keras_eps, fused=fused)
        for group in self.param_groups:
            group["keras_eps"] = keras_eps
            group["steps"] = 0

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step; every parameter is taken to have a gradient at each."""
        rates = [group["lr"] for group in self.param_groups]
        for group in self.param_groups:
            group["steps"] += 1
            exact = [1 - beta ** group["steps"] for beta in group["betas"]]
            group["eps"] = group["keras_eps"] / exact[1] ** 0.5
            rounded = _corrections(group)
            group["lr"] *= (rounded[1] / exact[1]) ** 0.5 / (rounded[0] / exact[0])
        try:
            return super().step(closure)
        finally:
            # The rate is the user's and the schedule's.
            for group, rate in zip(self.param_groups, rates, strict=True):
                group["lr"] = rate


def _corrections(group: dict[str, Any]) -> list[float]:
    """Give 1-β₁ᵗ and 1-β₂ᵗ as Keras rounds them."""
    is_double = group["params"][0].dtype == torch.float64
    number: Any = np.float64 if is_double else np.float32
    return [
        float(number(1) - number(np.float32(beta)) ** number(group["steps"]))
        for beta in group["betas"]
    ]
