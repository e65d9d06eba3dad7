"""What all commands share: a Hydra configuration, and one line for a user's mistake."""

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import hydra
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nrms_torch.errors import InputError, stop

_CONFIGS = Path(__file__).parent.parent / "configs"

# By default OpenMP's threads spin while they wait, and where another program wants a core too they
# take it from the thread they wait for; asleep, they are slow to wake. So they spin for about the
# gap between two operations, then sleep. It is read once, when torch is imported, so nothing above
# may import torch, nor a script before this module; docs/performance.md says how to see it.
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
    os.environ["GOMP_SPINCOUNT"] = "5000"
    # Of libraries other than GNU's, and of more threads than there are cores.
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


def command(config_name: str) -> Callable[[Callable[[DictConfig], None]], Callable[[], None]]:
    """Make a script's main of a function that takes the configuration `config_name`.

    A user's mistake ends it with one line on standard error and exit status 2.
    """

    def decorate(main: Callable[[DictConfig], None]) -> Callable[[], None]:
        def guarded(config: DictConfig) -> None:
            with _one_line_for_mistakes():
                OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
                main(config)

        def run() -> None:
            _quieten_lightning()
            hydra.main(version_base="1.3", config_path=str(_CONFIGS), config_name=config_name)(
                guarded
            )()

        return run

    return decorate


def with_paths_as_override(arguments: list[str], field: str) -> list[str]:
    """Turn leading paths into Hydra's `field=['A','B']`, quoted since a path may hold a comma."""
    paths = list(takewhile(lambda argument: "=" not in argument and argument[:1] != "-", arguments))
    if not paths:
        return arguments
    quoted = ("'" + path.replace("'", r"\'") + "'" for path in paths)
    return [f"{field}=[{','.join(quoted)}]", *arguments[len(paths) :]]


@contextmanager
def _one_line_for_mistakes() -> Iterator[None]:
    from lightning.fabric.utilities.exceptions import MisconfigurationException  # brings torch

    try:
        yield
    except InstantiationException as error:
        # Lightning's own word on a trainer's or a callback's option is the cause.
        stop(error.__cause__ or error)
    except (InputError, OmegaConfBaseException, MisconfigurationException) as error:
        stop(error)


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
