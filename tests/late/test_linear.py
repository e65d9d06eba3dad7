from itertools import pairwise

import numpy as np
import pytest

from nrms_torch.late import linear
from nrms_torch.late.linear import fit_linear

WEIGHTS = np.array([1.5, -0.7, 0.0])
NAMES = ["clicks_1h", "age", "open_page"]


@pytest.fixture(scope="module")
def choices():
    """Lists of 2 to 9 candidates, and a click that is drawn by known weights."""
    generator = np.random.default_rng(0)
    offsets = np.cumsum([0, *generator.integers(2, 10, 20_000)])
    features = generator.normal(size=(offsets[-1], 3))
    noisy = features @ WEIGHTS + generator.gumbel(size=offsets[-1])
    best = np.maximum.reduceat(noisy, offsets[:-1])
    return features, noisy == np.repeat(best, np.diff(offsets)), offsets


def objective(weights, features, labels, offsets):
    """What is maximised, written as it is defined."""
    scores = features @ weights
    total = -linear._PENALTY * np.sum((weights * features.std(axis=0)) ** 2)
    for start, stop in pairwise(offsets):
        whole = np.log(np.exp(scores[start:stop]).sum())
        total += np.sum((scores[start:stop] - whole)[labels[start:stop]])
    return total


def fitted(features, labels, offsets, text=None):
    found = fit_linear(NAMES, features, text, labels, offsets)
    return np.array(found.weights), found.text_weight


def test_the_weights_of_choices_are_found_again(choices):
    weights, of_text = fitted(*choices)
    np.testing.assert_allclose(weights, WEIGHTS, atol=0.05)
    assert of_text == 0


def test_no_other_weights_are_likelier(choices):
    features, labels, offsets = choices
    offsets = offsets[:300]
    features, labels = features[: offsets[-1]], labels[: offsets[-1]].copy()
    labels[:2], labels[offsets[1] : offsets[2]] = True, False  # two clicks in one list, none in one
    weights, _ = fitted(features, labels, offsets)
    best = objective(weights, features, labels, offsets)
    for step in np.eye(3) * 1e-4:
        up, down = (objective(weights + sign * step, features, labels, offsets) for sign in (1, -1))
        assert max(up, down) < best
        assert abs(up - down) / 2e-4 < 1e-3  # the slope


def test_a_unit_changes_the_weight_and_no_score(choices):
    features, labels, offsets = choices
    units = np.array([1e4, 1e-3, 60.0])
    plain, scaled = fitted(*choices)[0], fitted(features * units, labels, offsets)[0]
    np.testing.assert_allclose(scaled * units, plain, rtol=1e-6, atol=1e-9)


def test_text_is_weighted_as_a_feature_is_and_parts_add_up(choices):
    features, labels, offsets = choices
    found = fit_linear(NAMES[:2], features[:, 1:], features[:, 0], labels, offsets)
    assert found.features == tuple(NAMES[:2])
    np.testing.assert_allclose(
        [found.text_weight, *found.weights], fitted(*choices)[0], rtol=1e-6, atol=1e-9
    )
    scores = found.scores(features[:, 1:], features[:, 0])
    parts = found.parts(features[5, 1:], features[5, 0])
    assert list(parts) == ["text", *NAMES[:2]]
    assert sum(parts.values()) == pytest.approx(scores[5], rel=1e-5)


def test_a_feature_that_never_differs_weighs_nothing(choices):
    features, labels, offsets = choices
    features = np.concatenate([features[:, :2], np.full((len(features), 1), 7.0)], axis=1)
    assert fitted(features, labels, offsets)[0][2] == pytest.approx(0, abs=1e-9)
