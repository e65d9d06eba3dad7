"""The tolerances, as docs/parity.md tells them."""

import re
from dataclasses import astuple

import pytest
from golden_files import load_recording
from run_script import ROOT

from nrms_tf_reference.parity.tolerances import GRADIENT_TENSOR, METRIC, RECORDED, Tolerance

ROWS = {
    name: re.findall(r"\d(?:\.\d+)?e-\d+", row[1])
    for line in (ROOT / "docs" / "parity.md").read_text().splitlines()
    if len(row := line.strip("| ").split(" | ")) in (2, 3)
    for name in (row[0], *row[0].split(", "))
}


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        *RECORDED.items(),
        ("worst tensor of the gradient", GRADIENT_TENSOR),
        ("metrics", Tolerance(METRIC)),
    ],
)
def test_the_document_tells_the_tolerances(name, tolerance):
    told = [float(number) for number in ROWS[name]]
    assert told == [number for number in astuple(tolerance) if number is not None]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("nrms", 1.0), ("nrms_docvec", 2.0), ("nrms_dense_layers", 3.0)],
)
def test_a_tolerance_is_that_of_the_models_kind(name, expected):
    tolerance = Tolerance(1.0, with_dense_layers=2.0, over_tokens=3.0)
    assert tolerance.of(load_recording(name)) == expected
