"""How threads wait is settled before torch, which reads it once, is imported."""

import os
import subprocess
import sys

import pytest
from run_script import ROOT

# Runs a script up to its first import of torch, and prints what libgomp would read.
UNTIL_TORCH = """
import os, runpy, sys

class StopAtTorch:
    def find_spec(self, name, *rest):
        if name == "torch":
            print(os.environ.get("OMP_WAIT_POLICY"), os.environ.get("GOMP_SPINCOUNT"))
            sys.stdout.flush()
            os._exit(0)

sys.meta_path.insert(0, StopAtTorch())
sys.path.insert(0, os.path.dirname(sys.argv[1]))
runpy.run_path(sys.argv[1])
import torch
"""
# serve.py loads neither torch nor its libgomp.
SCRIPTS = sorted({path.name for path in (ROOT / "scripts").glob("*.py")} - {"serve.py"})


def policy(script, **variables):
    kept = {name: value for name, value in os.environ.items() if "OMP_" not in name}
    return subprocess.run(
        [sys.executable, "-c", UNTIL_TORCH, str(ROOT / "scripts" / script)],
        env=kept | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_command_lets_its_threads_spin_a_little_and_sleep(script):
    assert policy(script) == "PASSIVE 5000"


def test_the_users_own_word_stands():
    assert policy("train.py", OMP_WAIT_POLICY="ACTIVE") == "ACTIVE None"
    assert policy("train.py", GOMP_SPINCOUNT="100") == "None 100"
