"""The product knows nothing of its proofs, the baseline nothing of the product."""

import ast
import subprocess
import sys

import pytest
from run_script import ROOT


def imported(file):
    """The top-level packages that a file imports anywhere, or names as a module in a string."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.split(".")[0]


@pytest.mark.parametrize(
    ("files", "unknown"),
    [
        ("nrms_torch/**/*.py", {"nrms_tf_reference", "benchmarks"}),
        ("nrms_tf_reference/*.py", {"nrms_torch", "benchmarks"}),
        ("nrms_tf_reference/**/*.py", {"benchmarks"}),
    ],
)
def test_imports_point_one_way(files, unknown):
    found = {file: set(imported(file)) & unknown for file in ROOT.glob(files)}
    assert len(found) > 5
    assert not {file: names for file, names in found.items() if names}


def test_recorded_numbers_are_compared_without_tensorflow():
    program = "import sys, nrms_tf_reference.parity.suite; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
