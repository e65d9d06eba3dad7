"""No command asks for another host, nor leaves a mark of a maker's in the home.

Each runs in a network of its own, whose name server writes down who asks.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from run_script import ROOT, TIMEOUT_S, small
from tiny_transformer import save_tiny_transformer

pytestmark = pytest.mark.slow

INSIDE = """
ip link set lo up && mount --bind "$RESOLV" /etc/resolv.conf || exit 99
"$PYTHON" "$NAME_SERVER" "$ASKED" & server=$!
while [ ! -e "${ASKED%.txt}.ready" ]; do sleep 0.05; done
"$@"
status=$?
kill $server
exit $status
"""
NAMESPACE = ["unshare", "-rnm", "sh", "-c"]
# With which a user, or these tests, would tell packages to ask nobody.
SILENCING = (
    *("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "WANDB_MODE", "WANDB_ERROR_REPORTING"),
    *("ORT_DISABLE_TELEMETRY", "DO_NOT_TRACK", "CI", "GITHUB_ACTIONS", "XDG_CACHE_HOME"),
)


def has_namespaces():
    command = [*NAMESPACE, "ip link set lo up && mount --bind /etc/hosts /etc/resolv.conf"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Run a command in a network of its own; give the names it asked for, and what it printed."""
    if not has_namespaces():
        pytest.skip("this user may make no network of its own")

    def asked(*command):
        folder = tmp_path_factory.mktemp("network")
        (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1\n")
        own = {
            "RESOLV": str(folder / "resolv.conf"),
            "NAME_SERVER": str(Path(__file__).parent / "name_server.py"),
            "ASKED": str(folder / "asked.txt"),
            "PYTHON": sys.executable,
            "HOME": str(folder / "home"),
            "PYTHONPATH": str(ROOT),
        }
        (folder / "home").mkdir()
        environment = {name: value for name, value in os.environ.items() if name not in SILENCING}
        done = subprocess.run(
            [*NAMESPACE, INSIDE, "sh", *map(str, command)],
            env=environment | own,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        printed = done.stdout + done.stderr
        marks = [file.name for file in (folder / "home").rglob("*onnxruntime*")]
        return done.returncode, (folder / "asked.txt").read_text().split(), marks, printed

    return asked


@pytest.fixture(scope="module")
def words(trained, demo_folder, exported, tmp_path_factory):
    """Give each verb's words."""
    here = tmp_path_factory.mktemp("here")
    run = shutil.copytree(trained, here / "run")
    titles = here / "titles"
    titles.mkdir()
    shutil.copy(demo_folder / "articles.parquet", titles)
    transformer = save_tiny_transformer(here / "transformer")
    data = [f"data.path={demo_folder}", "data.generate=null"]
    trackers = "logger=[wandb,tensorboard]"
    return {
        "generate": [f"{here}/demo", "impressions=300"],
        "validate": data,
        "drift": [f"reference={demo_folder}", f"current={demo_folder}", "split=validation"],
        "prepare": ["model=nrms", *data, f"data.cache={here}/cache"],
        "embed": [
            titles,
            "format=ebnerd",
            f"transformer={transformer}",
            f"output={here}/v.parquet",
        ],
        "train": [*small("nrms_docvec", demo_folder), trackers, f"run={here}/tracked"],
        "evaluate": [run, "report=true"],
        "diagnose": [run],
        "predict": [run, f"output={here}/predictions.parquet"],
        "plot": [run, f"output={here}/runs.png"],
        "export": [run],
        "recommend": [exported("nrms_docvec")[1], "k=3"],
    }


def test_a_name_that_is_asked_for_is_written_down(asked):
    code = "import socket; socket.getaddrinfo('telemetry.example.com', 443)"
    status, names, *_ = asked(sys.executable, "-c", code)
    assert status == 1
    assert set(names) == {"telemetry.example.com"}


@pytest.mark.parametrize(
    "verb",
    [
        *("generate", "validate", "drift", "prepare", "embed", "train", "evaluate", "diagnose"),
        *("predict", "plot", "export", "recommend"),
    ],
)
def test_a_command_asks_for_no_other_host(asked, words, verb):
    command = (sys.executable, "-m", "nrms_torch", verb, *words[verb])
    status, names, marks, printed = asked(*command)
    assert status == 0, printed
    assert names == marks == []


def test_the_server_asks_for_no_other_host(asked, exported):
    _, bundle = exported("nrms_docvec")
    serve = (sys.executable, "-m", "nrms_torch", "serve", bundle, "port=0")
    _, names, marks, printed = asked("timeout", "--signal=TERM", "20", *serve)
    assert "ready" in printed
    assert names == marks == []
