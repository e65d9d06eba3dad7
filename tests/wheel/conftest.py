"""The built wheel, installed where no checkout is in sight.

Two environments: one for everything, one that only serves. Continuous integration makes both with
nothing but pip, and names their folders in NRMS_INSTALLED and NRMS_INSTALLED_TO_SERVE. Elsewhere
they borrow the packages of this environment, and the second may not import what training needs.
"""

import os
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from run_script import ROOT, TIMEOUT_S

# What `[train,export]` installs and `[serve]` does not.
TRAINING = (
    *("h5py", "lightning", "matplotlib", "onnx", "onnxscript", "pytorch_lightning"),
    *("tensorflow", "torch", "torchmetrics", "transformers"),
)


@dataclass(frozen=True)
class Installed:
    """An environment that has the wheel, and a folder to work in, outside of the checkout."""

    environment: Path
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def command(self, *words):
        """Give the arguments of `subprocess` for a program of the environment."""
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        program, *rest = map(str, words)
        return {
            "args": [str(self.environment / "bin" / program), *rest],
            "cwd": self.folder,
            "env": clean | self.variables,
            "text": True,
        }

    def run(self, *words):
        """Run a program to its end, and give what it printed."""
        done = subprocess.run(
            **self.command(*words), capture_output=True, timeout=TIMEOUT_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=TIMEOUT_S)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="session")
def wheel_files(wheel):
    """The names of the files in the wheel."""
    return zipfile.ZipFile(wheel).namelist()


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    """The folder in which the user works."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def installed(request, tmp_path_factory, work):
    """The wheel with all that training, export and serving need."""
    if given := os.environ.get("NRMS_INSTALLED"):
        return Installed(Path(given), work)
    environment = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", environment], check=True, timeout=TIMEOUT_S)
    packages = next(environment.glob("lib/python*/site-packages"))
    # Packages that stand there as .pth files, such as a checkout, are not borrowed.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    found = Installed(environment, work)
    wheel = request.getfixturevalue("wheel")
    found.run("python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    return found


@pytest.fixture(scope="session")
def serving(installed, tmp_path_factory, work):
    """The wheel with what serving needs alone."""
    if given := os.environ.get("NRMS_INSTALLED_TO_SERVE"):
        return Installed(Path(given), work)
    blocks = tmp_path_factory.mktemp("blocks")
    # Python imports it at each start; a module that is None cannot be imported.
    (blocks / "sitecustomize.py").write_text(
        f"import sys\nsys.modules.update(dict.fromkeys({TRAINING}))\n"
    )
    return Installed(installed.environment, work, {"PYTHONPATH": str(blocks)})
