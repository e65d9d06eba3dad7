"""A run that W&B and TensorBoard were told of, by two ranks, with nobody logged in."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import wandb_files
from run_script import run_script, small


@dataclass(frozen=True)
class Tracked:
    """A run folder, what its training printed, and the records of its one W&B run."""

    run: Path
    printed: str
    records: list = field(repr=False)


def log_out(monkeypatch, home):
    """Let W&B find no key, and keep what it writes beside run folders in `home`."""
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    for name in ("DATA", "CACHE", "CONFIG", "ARTIFACT"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(home))


@pytest.fixture(scope="module")
def tracked(demo_folder, tmp_path_factory):
    run = tmp_path_factory.mktemp("tracked") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        log_out(monkeypatch, tmp_path_factory.mktemp("home"))
        printed = run_script(
            "train",
            *small("nrms_docvec", demo_folder),
            *("logger=[wandb,tensorboard]", "logger.wandb.gradients=5"),
            *("trainer.devices=2", "trainer.log_every_n_steps=2", f"run={run}"),
        )
    return Tracked(run, printed, wandb_files.records(run))


@pytest.fixture
def logged_out(monkeypatch, tmp_path):
    """A test to whose W&B nobody has told a key; gives the home folder."""
    home = tmp_path / "home"
    home.mkdir()
    log_out(monkeypatch, home)
    return home
