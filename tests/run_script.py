"""Run a command of the project as a user does: in a process of its own."""

import json
import signal
import sys
import tempfile
from functools import cache
from pathlib import Path

from fork_server import ForkServer

ROOT = Path(__file__).parent.parent
# Far above what a command takes: a hang becomes a failure, not a stuck suite.
TIMEOUT_S = 300


def script(name: str) -> list[str]:
    """Give the command line that starts a script."""
    return [sys.executable, str(ROOT / "scripts" / f"{name}.py")]


def heed_signals() -> None:
    """Take signals as a terminal's processes do: what is started in the background ignores some.

    To be called in a started process, as its `preexec_fn`.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def run_script(name: str, *overrides: str, status: int = 0) -> str:
    """Run a script to its end, check its exit status, and give what it printed."""
    with tempfile.NamedTemporaryFile("r") as output:
        found = _fork_server().run(
            [*script(name)[1:], *overrides], Path(output.name), seconds=TIMEOUT_S
        )
        printed = output.read()
    assert found == status, printed
    return printed


@cache
def _fork_server() -> ForkServer:
    return ForkServer(ROOT)


def small(model: str, folder: Path, variant: str = "standard") -> list[str]:
    """Give the overrides of a model that trains in seconds."""
    own = ["model.title_size=8", "model.embedding_size=24"] if model == "nrms" else []
    if variant == "baseline" and model == "nrms_docvec":
        own = ["model.newsencoder_units_per_layer=[32]"]
    return [
        f"model={model}",
        f"model.variant={variant}",
        f"data.path={folder}",
        "data.generate=null",
        "model.head_num=4",
        "model.head_dim=6",
        "model.attention_hidden_dim=16",
        "training.learning_rate=1e-3",
        "trainer.max_epochs=2",
        *own,
    ]


def metrics_of(run: Path) -> dict:
    """Read the metrics that a run has."""
    return json.loads((run / "metrics.json").read_text())


def numbers_of(metrics: dict) -> dict:
    """Give what is nested in metrics under flat names, as pytest compares it."""
    numbers = {}
    for name, value in metrics.items():
        if isinstance(value, list):
            value = dict(enumerate(value))
        nested = numbers_of(value) if isinstance(value, dict) else {(): value}
        numbers |= {(name, *inner): each for inner, each in nested.items()}
    return numbers


def assert_one_line(status: int, error: str, what: str) -> None:
    """Check that a command told a mistake in one line."""
    assert status == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert what in error
