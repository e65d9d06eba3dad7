"""The optimizers: Adam as Keras computes it, and AdamW with a pace for each part of the model."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# What one learning rate means to each part of the standard variant (docs/ablation.md). Single
# numbers and the vector that all readers share move at it. What can learn single articles by heart
# moves slowly: at the full rate it does so, and ranks worse than its start.
_PACES = {"gates": 3.0, "attention.": 0.1, "pooling.": 0.1, "embedding.": 0.03}


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


def paced_adamw(
    model: nn.Module, lr: float, weight_decay: float, *, fused: bool
) -> torch.optim.AdamW:
    """Give AdamW over the standard variant's parameters, each part at its pace.

    What decays goes towards the start, where output, pooling and common vector are zero. The
    temperature and the categories' scales, which are not zero there, do not decay.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        pace = next((pace for part, pace in _PACES.items() if part in name), 1.0)
        starts_elsewhere = name.endswith(("log_temperature", "category_scale", "embedding.weight"))
        decay = 0.0 if starts_elsewhere else weight_decay
        groups.setdefault((pace * lr, decay), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "lr": rate, "weight_decay": decay}
            for (rate, decay), parameters in groups.items()
        ],
        fused=fused,
    )


def _corrections(group: dict[str, Any]) -> list[float]:
    """Give 1-β₁ᵗ and 1-β₂ᵗ as Keras rounds them."""
    is_double = group["params"][0].dtype == torch.float64
    number: Any = np.float64 if is_double else np.float32
    return [
        float(number(1) - number(np.float32(beta)) ** number(group["steps"]))
        for beta in group["betas"]
    ]
