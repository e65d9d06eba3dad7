"""NRMS news recommendation in PyTorch: train, measure, export and serve."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nrms_torch.api import Run, train
    from nrms_torch.errors import InputError
    from nrms_torch.serving import Article, Bundle, Recommender

# onnxruntime's wheels from 1.29 on, and W&B, offline too, tell their makers of each start, unless
# this is said before they are imported. Nothing here is to ask another host.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

# Where each public name lives: imported when it is first asked for, since serving needs no torch.
_HOMES = {
    "Article": "nrms_torch.serving",
    "Bundle": "nrms_torch.serving",
    "InputError": "nrms_torch.errors",
    "Recommender": "nrms_torch.serving",
    "Run": "nrms_torch.api",
    "train": "nrms_torch.api",
}
__all__ = ["Article", "Bundle", "InputError", "Recommender", "Run", "train"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
