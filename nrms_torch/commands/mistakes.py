"""What ends a command early: a user's mistake, or the user."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import InstantiationException
from omegaconf.errors import OmegaConfBaseException

from nrms_torch.errors import InputError, first_line

# What brings a package that is missing, by the package.
_EXTRAS = {
    "torch": "train",
    "lightning": "train",
    "transformers": "train",
    "torchmetrics": "train",
    "matplotlib": "train",
    "jinja2": "train",
    "fsspec": "train",
    "h5py": "train",
    "onnx": "export",
    "onnxscript": "export",
    "onnxruntime": "serve",
    "fastapi": "serve",
    "uvicorn": "serve",
    "fastapi_offline": "serve",
    "httptools": "serve",
    "prometheus_client": "serve",
    "tensorboard": "track",
    "optuna": "sweep",
    "sklearn": "sweep",
    "wandb": "track",
    "scipy": "data",
}


@contextmanager
def one_line_for_mistakes() -> Iterator[None]:
    """Turn each kind of error that a user's mistake can raise into InputError."""
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
        raise InputError(first_line(error.__cause__ or error)) from error
    except Exception as error:
        if isinstance(error, _of_lightning()):
            raise InputError(first_line(error)) from error
        raise


def _of_lightning() -> tuple[type[Exception], ...]:
    """Give Lightning's word for a wrong setting, where Lightning, and with it torch, is in use."""
    module = sys.modules.get("lightning.fabric.utilities.exceptions")
    return () if module is None else (module.MisconfigurationException,)
