"""What breaks the rules of training: Keras' Adam, and what watches the validation AUC."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.nn import functional as F

from nrms_tf_reference.parity.rules import stand_ins
from nrms_tf_reference.parity.rules.model import l2_term
from nrms_tf_reference.parity.rules.patching import Patch, around
from nrms_torch.training.callbacks import ResumableEarlyStopping
from nrms_torch.training.lightning_module import NRMSModule
from nrms_torch.training.optimizer import KerasAdam


def adam(
    *,
    eps: float = 1e-7,
    betas: tuple[float, float] = (0.9, 0.999),
    eps_behind: bool = False,
    rests: bool = False,
    decay: float = 0.0,
) -> Patch:
    """Step as Keras' Adam does, in plain formulas, but for what is asked.

    With `rests`, rows of matrices without a gradient stay as they are. Squares that are left with a
    parameter take the place of its gradient's.
    """

    def update(w: Tensor, g: Tensor, state: dict[str, Any], rate: float) -> None:
        state["t"] = state.get("t", 0) + 1
        if rests and w.ndim == 2:
            moved = (g != 0).any(dim=1, keepdim=True)
        else:
            moved = torch.ones(1, dtype=torch.bool)
        factors = g, vars(w).pop("squares", g.square())
        for name, beta, of_new in zip("mv", betas, factors, strict=True):
            old = state.get(name, torch.zeros_like(w))
            state[name] = torch.where(moved, beta * old + (1 - beta) * of_new, old)
        of_m, of_v = (1 - beta ** state["t"] for beta in betas)
        m, v = state["m"] / of_m, state["v"] / of_v
        late = eps if eps_behind else eps / of_v**0.5
        w -= torch.where(moved, rate * (m / (v.sqrt() + late) + decay * w), 0)

    def step(self: KerasAdam, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else closure()
        with torch.no_grad():
            for group in self.param_groups:
                for w in group["params"]:
                    update(w, w.grad, self.state[w], group["lr"])
        return loss

    return patch.object(KerasAdam, "step", step)


def _leaving_squares(self: nn.Embedding, tokens: Tensor) -> Tensor:
    """Look up words, and leave with the table the sum of the squares of all places' gradients."""
    words = F.embedding(tokens, self.weight)

    def add(gradient: Tensor) -> None:
        squares = vars(self.weight).setdefault("squares", torch.zeros_like(self.weight))
        squares.index_add_(0, tokens.flatten(), gradient.flatten(0, -2).square())

    if words.requires_grad:
        words.register_hook(add)
    return words


ADAM: dict[str, tuple[Patch, ...]] = {
    "l2_in_loss": (l2_term(lambda _, loss: loss.detach()), adam(decay=2 * 0.01)),
    "adam_eps_place": (adam(eps_behind=True),),
    "adam_eps": (adam(eps=1e-8),),
    "adam_beta_1": (adam(betas=(0.8, 0.999)),),
    "adam_beta_2": (adam(betas=(0.9, 0.99)),),
    "adam_sums_places": (
        stand_ins.titles(),
        stand_ins.calls(),  # a repeated article has places of its own
        patch.object(nn.Embedding, "forward", _leaving_squares),
        adam(),
    ),
    "adam_momentum_of_words": (adam(rests=True),),
    "adam_rests": (adam(decay=0.01),),
}


def _plateau(**changed: Any) -> Patch:
    """Make the plateau schedule with other settings."""

    def made(real: Any, self: NRMSModule) -> Any:
        optimizers = real(self)
        schedule = optimizers["lr_scheduler"]["scheduler"]
        for name, value in changed.items():
            assert hasattr(schedule, name)
            setattr(schedule, name, value)
        return optimizers

    return around(NRMSModule, "configure_optimizers", made)


def _made_with(callback: type, **changed: Any) -> Patch:
    """Make a callback with other settings than configured."""
    return around(
        callback, "__init__", lambda real, self, **options: real(self, **(options | changed))
    )


SCHEDULE: dict[str, tuple[Patch, ...]] = {
    "plateau_patience": (_plateau(patience=2),),
    "plateau_factor": (_plateau(factor=0.1),),
    "plateau_minimum": (_plateau(min_lrs=[0.0]),),
    "plateau_min_delta": (_plateau(threshold_mode="rel"),),
    "plateau_highest": (_plateau(mode="min"),),
    "stopping_patience": (_made_with(ResumableEarlyStopping, patience=3),),
    "stopping_highest": (_made_with(ResumableEarlyStopping, mode="min"),),
    "best_highest": (_made_with(ModelCheckpoint, mode="min"),),
}
