"""Scores as probabilities: against sklearn, and honest where they should be."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from nrms_torch.evaluation.calibration import Calibration, fit_calibration, reliability


@pytest.fixture
def drawn():
    """Scores far from 0 and clicks that follow a known curve."""
    rng = np.random.default_rng(0)
    scores = rng.normal(40, 5, 50_000).astype(np.float32)
    labels = rng.random(50_000) < 1 / (1 + np.exp(-(0.3 * scores - 14)))
    return scores, labels


def test_the_curve_is_sklearns(drawn):
    scores, labels = drawn
    found = fit_calibration(scores, labels)
    reference = LogisticRegression(C=1e9, tol=1e-10).fit(scores[:, None] - 40.0, labels)
    slope = reference.coef_.item()
    assert found.slope == pytest.approx(slope, rel=2e-3)
    assert found.intercept == pytest.approx(reference.intercept_.item() - 40 * slope, rel=2e-3)


def test_probabilities_are_what_comes(drawn):
    scores, labels = drawn
    foretold = fit_calibration(scores, labels).probabilities(scores)
    rows = reliability(foretold, labels)
    assert sum(row.candidates for row in rows) == len(scores)
    assert [row.foretold for row in rows] == sorted(row.foretold for row in rows)
    for row in rows:
        assert row.clicked == pytest.approx(row.foretold, abs=0.03)


@pytest.mark.parametrize(
    ("scores", "labels"),
    [([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1]), ([5.0] * 4, [0, 0, 0, 1]), ([1.0, 2.0], [0, 0])],
)
def test_whatever_the_clicks_the_curve_is_finite(scores, labels):
    found = fit_calibration(np.array(scores, dtype=np.float32), np.array(labels, dtype=bool))
    probabilities = found.probabilities(np.array(scores))
    assert np.isfinite([found.slope, found.intercept]).all()
    assert ((probabilities > 0) & (probabilities < 1)).all()
    assert (np.diff(probabilities) >= -1e-9).all()


def test_far_out_scores_do_not_overflow():
    found = Calibration(2.0, 0.0).probabilities(np.array([-1e6, 0, 1e6], dtype=np.float32))
    assert found.tolist() == [0, 0.5, 1]
