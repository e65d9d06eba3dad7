"""What ends a command early: a user's mistake, or the user."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import InstantiationException
from omegaconf.errors import OmegaConfBaseException

from nrms_torch.errors import InputError

# What brings a package that is missing, by the package.
_EXTRAS = {
    "torch": "train",
    "lightning": "train",
    "transformers": "train",
    "torchmetrics": "train",
    "matplotlib": "train",
    "onnx": "export",
    "onnxscript": "export",
    "onnxruntime": "serve",
    "fastapi": "serve",
    "uvicorn": "serve",
    "optuna": "sweep",
    "sklearn": "sweep",
    "wandb": "track",
    "scipy": "data",
}


@contextmanager
def one_line_for_mistakes() -> Iterator[None]:
    """Turn each kind of error that a user's mistake can raise into InputError."""
    _quieten_lightning()
    try:
        yield
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        raise InputError(
            f"{error.name} is not installed; expected pip install 'nrms-torch[{extra}]'"
        ) from error
    except (OmegaConfBaseException, InstantiationException) as error:
        # Where a part is made of its settings, what it says of them is the cause.
        raise InputError(str(error.__cause__ or error)) from error
    except Exception as error:
        if isinstance(error, _of_lightning()):
            raise InputError(str(error)) from error
        raise


def _of_lightning() -> tuple[type[Exception], ...]:
    """Give Lightning's word for a wrong setting, where Lightning, and with it torch, is in use."""
    module = sys.modules.get("lightning.fabric.utilities.exceptions")
    return () if module is None else (module.MisconfigurationException,)


def _quieten_lightning() -> None:
    """Hide advertisements, and advice that does not hold here: readers would look for a fault."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",  # batches are indices; workers would cost more
        ".*sync_dist=True.*",  # metrics reduce themselves
        ".*smaller than the logging interval.*",
        ".*Checkpoint directory .* exists and is not empty.*",  # that is how a run resumes
        ".*LeafSpec.*",  # Lightning's own affair with a newer torch
    ):
        warnings.filterwarnings("ignore", message=message)
