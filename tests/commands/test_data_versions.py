"""The pipeline of dvc.yaml, on a small data set and a remote that is a folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from run_script import ROOT, TIMEOUT_S

from nrms_torch.files import file_sha256

pytest.importorskip("dvc", reason="data versions need pip install '.[data]'")

TREE = ("configs", "nrms_torch", "scripts")
FILES = (".dvcignore", ".gitignore", "dvc.yaml")
SMALLER = {
    "configs/data/demo.yaml": (r"impressions: 10000", "impressions: 300"),
    "configs/experiment/demo.yaml": (r"max_epochs: \d+", "max_epochs: 1"),
}
RESULTS = ("metrics.json", "test_metrics.json", "bundle/model.json", "checkpoints/best.ckpt")


def run(folder, *command):
    """Run a command of git or dvc in a checkout, with this Python for `python`."""
    python = Path(sys.executable).parent
    program = [sys.executable, "-m", "dvc"] if command[0] == "dvc" else [command[0]]
    done = subprocess.run(
        [*program, *command[1:]],
        cwd=folder,
        env=os.environ
        | {
            "PATH": f"{python}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder),
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder.parent / "site"),
            **{f"GIT_{who}_NAME": "test" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "test@example.org" for who in ("AUTHOR", "COMMITTER")},
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def project(tmp_path):
    """A checkout of the project of its own, whose demo is small."""
    folder = tmp_path / "project"
    for name in TREE:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    (folder / ".dvc").mkdir()
    for name in ("config", ".gitignore"):
        shutil.copy(ROOT / ".dvc" / name, folder / ".dvc")
    for name, (old, new) in SMALLER.items():
        text, number = re.subn(old, new, (folder / name).read_text())
        assert number == 1
        (folder / name).write_text(text)
    run(folder, "git", "init", "--quiet")
    config = folder / ".dvc" / "config"
    text = config.read_text().replace("[core]", "[core]\n    remote = store", 1)
    config.write_text(f"{text}['remote \"store\"']\n    url = {tmp_path}/store\n")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "Start")
    return folder


def hashes(folder):
    return {name: file_sha256(folder / "runs" / "demo" / name) for name in RESULTS}


def test_what_was_pushed_is_pulled_and_not_made_again(project, tmp_path):
    run(project, "dvc", "repro")
    assert "dvc.lock" in run(project, "git", "status", "--porcelain")
    run(project, "git", "add", "dvc.lock")
    run(project, "git", "commit", "--quiet", "--message", "Record what was made")
    run(project, "dvc", "push")

    clone = tmp_path / "clone"
    run(project, "git", "clone", "--quiet", str(project), str(clone))
    assert not (clone / "data").exists()
    run(clone, "dvc", "pull")
    assert hashes(clone) == hashes(project)
    assert "up to date" in run(clone, "dvc", "repro").splitlines()[-1]

    # A changed setting does again what depends on it, and no more.
    settings = clone / "configs" / "experiment" / "demo.yaml"
    settings.write_text(settings.read_text().replace("max_epochs: 1", "max_epochs: 2"))
    changed = run(clone, "dvc", "status")
    assert "train:" in changed
    assert "prepare:" not in changed
