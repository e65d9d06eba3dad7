"""What a run was made of, kept in its folder: the command, the code, the packages, the machine."""

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import torch

import nrms_torch

_PACKAGE = Path(nrms_torch.__file__).parent
# A change of one of these can change a weight; of the others no more than what is printed.
_DECISIVE = (
    "hydra-core",
    "lightning",
    "numpy",
    "polars",
    "tokenizers",
    "torch",
    "torchmetrics",
    "transformers",
)


def describe_origin(devices: int = 1) -> dict[str, Any]:
    """Tell the command, the code, the packages and the machine of this process.

    `devices` is over how many a run trains. Nothing of the environment's variables is in it, and
    nothing of a remote repository: they can hold secrets.
    """
    packages = {found.metadata["Name"]: found.version for found in distributions()}
    return {
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "code": {"version": nrms_torch.__version__, "source": _source_hash(), **_commit()},
        "python": platform.python_version(),
        "packages": dict(sorted(packages.items(), key=lambda item: item[0].lower())),
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": torch.backends.cpu.get_cpu_capability(),
            "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            "threads": torch.get_num_threads(),
            "devices": devices,
        },
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say, in a few words each, what of an origin can make the same command give other numbers."""
    pairs = {"python": (before["python"], now["python"])}
    for package in _DECISIVE:
        pairs[package] = tuple(origin["packages"].get(package) for origin in (before, now))
    for field in before["machine"]:
        pairs[field] = (before["machine"][field], now["machine"].get(field))
    found = [f"{name} {then}, now {new}" for name, (then, new) in pairs.items() if then != new]
    if before["code"]["source"] != now["code"]["source"]:
        found.insert(0, f"code {_code(before)}, now {_code(now)}")
    return found


def _source_hash() -> str:
    """Hash the package's source files, which tells code apart where there is no git as well."""
    content = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        content.update(path.relative_to(_PACKAGE).as_posix().encode())
        content.update(path.read_bytes())
    return content.hexdigest()


def _commit() -> dict[str, Any]:
    """Give the checkout's commit and whether anything in it differs; nulls outside of git."""
    unknown = {"commit": None, "uncommitted_changes": None}
    root = _PACKAGE.parent
    if not (
        root / ".git"
    ).exists():  # a package in some other project's environment is not its code
        return unknown
    try:
        commit, changes = (
            subprocess.run(
                ["git", "-C", str(root), *command],
                # No prompt, and no lock taken from a git that works in the same checkout.
                env=os.environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
            for command in (["rev-parse", "HEAD"], ["status", "--porcelain"])
        )
    except (OSError, subprocess.CalledProcessError):
        return unknown
    return {"commit": commit, "uncommitted_changes": bool(changes)}


def _code(origin: Mapping[str, Any]) -> str:
    code = origin["code"]
    if code["commit"] is None:
        return f"{code['version']} (source {code['source'][:8]})"
    return code["commit"][:8] + " with uncommitted changes" * code["uncommitted_changes"]
