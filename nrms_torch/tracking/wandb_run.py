"""The W&B run of a run folder: which one it is, whether it is offline, how to open it again."""

import json
import netrc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nrms_torch.errors import InputError
from nrms_torch.files import read_json, replacing

_FILE = "wandb.json"
_KEYS = ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE")
# Under which `wandb login` keeps a key: that of W&B's newer versions, and of those before.
_HOSTS = ("https://api.forge.coreweave.com", "https://api.wandb.ai")


@dataclass(frozen=True)
class TrackedRun:
    """Which W&B run a run folder was logged to."""

    project: str
    entity: str | None
    id: str

    @classmethod
    def of(cls, folder: Path) -> "TrackedRun | None":
        """Read it from a run folder; None where nothing was logged."""
        file = folder / _FILE
        if not file.is_file():
            return None
        found = read_json(file, "project", "entity", "id")
        return cls(found["project"], found["entity"], found["id"])

    def keep(self, folder: Path) -> None:
        """Write it into a run folder."""
        with replacing(folder / _FILE) as temporary:
            temporary.write_text(json.dumps(vars(self), indent=2) + "\n")


def require_wandb() -> None:
    """Raise InputError where W&B is not installed."""
    if find_spec("wandb") is None:
        raise InputError("W&B is not installed; expected pip install 'nrms-torch[track]'")


def has_key() -> bool:
    """Tell whether W&B has been told a key, by a variable or by `wandb login`."""
    if any(os.environ.get(name) for name in _KEYS):
        return True
    own = os.environ.get("WANDB_BASE_URL")
    hosts = [urlsplit(url).netloc for url in ([own] if own else _HOSTS)]
    home = Path.home()
    for file in (os.environ.get("NETRC"), home / ".netrc", home / "_netrc"):
        try:
            if file and any(map(netrc.netrc(file).authenticators, hosts)):
                return True
        except (OSError, netrc.NetrcParseError):
            continue
    return False


def options(folder: Path) -> dict[str, Any]:
    """Give wandb.init what says which run a folder has, and that it is offline without a key.

    WANDB_MODE, where it is set, decides in place of that.
    """
    known = TrackedRun.of(folder)
    found: dict[str, Any] = {"resume": "allow", **(vars(known) if known else {})}
    mode = os.environ.get("WANDB_MODE") or ("online" if has_key() else "offline")
    found["mode"] = mode
    if mode == "offline":
        # Its own lines on that say less than the one that `sync_hint` makes.
        found["settings"] = {"silent": True}
    return found


def sync_hint(experiment: Any, folder: Path) -> str | None:
    """Say how an offline run is uploaded; None for one that is online."""
    if not experiment.offline:
        return None
    # All of the folder's, in one go: W&B joins the parts of a run that was resumed or exported.
    return f"W&B: offline; to upload, after `wandb login`: wandb sync {folder}/wandb/offline-run-*"


@contextmanager
def complaining() -> Iterator[None]:
    """Raise InputError in one line for what W&B complains of: no such project, no network, …."""
    import wandb

    try:
        yield
    except wandb.Error as error:
        raise InputError(f"W&B: {error}; WANDB_MODE=offline keeps a run for later") from error


@contextmanager
def opened(folder: Path) -> Iterator[Any]:
    """Open the W&B run of a run folder, or a new one, and finish it.

    InputError as above, and where W&B is disabled or not installed.
    """
    require_wandb()
    import wandb

    given = {"project": "nrms-torch", **options(folder)}
    if given["mode"] == "disabled":
        raise InputError("W&B: WANDB_MODE is disabled; unset it to log anything")
    with complaining(), wandb.init(dir=folder, **given) as experiment:
        TrackedRun(experiment.project, experiment.entity or None, experiment.id).keep(folder)
        yield experiment
        hint = sync_hint(experiment, folder)
    if hint:
        print(hint)
