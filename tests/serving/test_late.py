"""A served ranking with late features: none before an event, those of the features after."""

import json
import shutil
import time

import numpy as np
import pytest
from served import fields, make_client, problem

from nrms_torch.errors import InputError
from nrms_torch.late.linear import Linear
from nrms_torch.late.stage import LateSettings, LateStage
from nrms_torch.serving import Bundle, Click, Recommender, Shown
from nrms_torch.serving.bundle import MANIFEST, seal

FEATURES = ("clicks_12h", "shown_10m", "seen_7d", "open_page", "age")
WEIGHTS = (0.7, -0.5, -1.5, -2.5, 0.1)


@pytest.fixture(scope="module")
def late_bundle(vector_bundle, tmp_path_factory):
    """A bundle with weights for late features, known to everybody at once."""
    folder = tmp_path_factory.mktemp("late") / "bundle"
    shutil.copytree(vector_bundle, folder)
    settings = LateSettings("linear", "streaming", 0, FEATURES)
    LateStage(settings, Linear(FEATURES, WEIGHTS, 0.5)).save(folder)
    content = json.loads((folder / MANIFEST).read_text())
    seal(folder, {name: content[name] for name in content.keys() - {"files", "digest", "format"}})
    return folder


@pytest.fixture(scope="module")
def library(vector_bundle):
    """What ranks by text alone."""
    return Recommender(vector_bundle)


@pytest.fixture(scope="module")
def ids(library):
    """The ids of its articles."""
    return [article.article_id for article in library.articles()]


@pytest.fixture
def recommender(late_bundle):
    return Recommender(late_bundle)


def told(recommender, ids):
    """Tell of three lists and two clicks of a minute ago."""
    then = time.time() - 60
    recommender.tell(
        [
            Shown(articles=ids[:4], time=then, reader="r"),
            Shown(articles=ids[2:6], time=then, reader="s", page=ids[9]),
            Click(article=ids[3], time=then + 5, reader="s"),
            Click(article=ids[3], time=then + 6, reader=7),
        ]
    )


def test_a_bundle_keeps_its_stage(late_bundle, vector_bundle):
    assert Bundle.load(late_bundle).late.fitted.weights == WEIGHTS
    assert Bundle.load(vector_bundle).late is None


def test_without_events_a_ranking_is_by_text_and_says_so(recommender, library, ids):
    found, expected = (each.rank(ids[:3], ids[:8]) for each in (recommender, library))
    assert not found.late
    assert found.article_ids == expected.article_ids
    assert np.array_equal(found.scores, expected.scores)
    assert found.probabilities is None  # they were fitted with late features


def test_scores_are_the_sum_of_named_parts(recommender, library, ids):
    told(recommender, ids)
    text = library.rank(ids[:3], ids[:8])
    dots = dict(zip(text.article_ids, text.scores.tolist(), strict=True))
    found = recommender.rank(ids[:3], ids[:8], reader="r", page=ids[5])
    assert found.late
    scores = dict(zip(found.article_ids, found.scores.tolist(), strict=True))
    age = 0.1 * np.log1p(60 / 600)
    shares = {0: 1 / 4, 1: 1 / 4, 2: 1 / 2, 3: 1 / 2, 4: 1 / 4, 5: 1 / 4, 6: 0, 7: 0}
    for place, share in shares.items():
        expected = 0.5 * dots[ids[place]] - 0.5 * np.log1p(10 * share)
        expected += 0.7 * np.log1p(2) * (place == 3) - 1.5 * np.log(2) * (place < 4)
        expected += age * (place < 6) - 2.5 * (place == 5)
        assert scores[ids[place]] == pytest.approx(expected, abs=1e-3)


def test_an_explanation_has_the_parts(recommender, ids):
    told(recommender, ids)
    found = recommender.explain(ids[:3], ids[3], reader="s")
    (score,) = recommender.rank(ids[:3], [ids[3]], reader="s").scores
    assert found.late.keys() == {"text", *FEATURES}
    assert sum(found.late.values()) == pytest.approx(float(score), abs=1e-3)
    assert found.late["text"] == pytest.approx(0.5 * found.score, abs=1e-6)


def test_whole_tables_are_ranked_with_late_features(recommender, ids):
    told(recommender, ids)
    assert recommender.recommend(ids[:3], k=5).late


def test_wrong_events_count_for_nothing(recommender, ids):
    wrong = [
        (
            Click(article=ids[0], time=time.time() + 3_600),
            r"events\[1\]\.time: .*not in the future",
        ),
        (Click(article=ids[0], time=float("nan")), r"events\[1\]\.time"),
        (Click(article="text"), r"events\[1\]\.article"),
        (Shown(articles=[ids[0], True]), r"events\[1\]\.articles\[1\]"),
    ]
    for event, message in wrong:
        with pytest.raises(InputError, match=message):
            recommender.tell([Click(article=ids[0]), event])
    assert not recommender.rank([], ids[:3]).late


def test_a_model_without_a_stage_takes_no_events(library, ids):
    with pytest.raises(InputError, match="no late features"):
        library.tell([Click(article=ids[0])])


def test_the_route_takes_events_and_the_answer_tells_of_them(late_bundle, ids):
    client = make_client(late_bundle)
    body = {"history": ids[:3], "candidates": ids[:8], "reader": "r"}
    before = client.post("/recommend", json=body).json()
    then = time.time() - 30
    events = [
        {"kind": "shown", "articles": ids[:4], "time": then, "reader": "r"},
        {"kind": "click", "article": ids[3], "time": then},
    ]
    assert client.post("/events", json={"events": events}).json() == {"counted": 2}
    after = client.post("/recommend", json=body).json()
    assert (before["late"], after["late"]) == (False, True)
    assert before["ranking"] != after["ranking"]
    explained = client.post(
        "/explain", json={"history": ids[:3], "candidate": ids[3], "reader": "r"}
    ).json()
    assert explained["late"]["clicks_12h"] == pytest.approx(0.7 * np.log(2))


def test_wrong_bodies_are_told_by_their_field(late_bundle, vector_bundle, ids):
    client = make_client(late_bundle)
    for event in ({"kind": "click"}, {"kind": "view", "article": ids[0]}, {"article": ids[0]}):
        assert fields(client.post("/events", json={"events": [event]}))
    events = {"events": [{"kind": "click", "article": ids[0]}]}
    problem(make_client(vector_bundle).post("/events", json=events), 422)
    problem(make_client(late_bundle, api_key="secret").post("/events", json=events), 401)
