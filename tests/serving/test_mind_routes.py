"""A bundle of a MIND run, whose article ids are strings, goes through all routes."""

import io

import numpy as np
import pytest
from exported_runs import OWN_DATA, export, make_run
from mind_like import write_mind
from run_script import ROOT
from served import fields, make_client

from nrms_torch.data import mind
from nrms_torch.export.check import torch_scores
from nrms_torch.serving import Recommender
from nrms_torch.training.assemble import for_evaluation
from nrms_torch.training.run_folder import RunFolder

REAL = ROOT.parent / "shared" / "data" / "mind"


@pytest.fixture(scope="module", params=["generated", "real"])
def made(request, demo_folder, tmp_path_factory):
    """A run over a MIND folder, and its bundle."""
    folder = tmp_path_factory.mktemp("mind")
    data = folder / "data"
    if request.param == "generated":
        write_mind(demo_folder, data)
    elif REAL.is_dir():
        data = REAL
    else:
        pytest.skip("the real MIND impressions are not at ../shared/data/mind")
    run = folder / "run"
    make_run("nrms", "standard", data, run, "data=mind", f"data.cache={folder / 'cache'}")
    return run, export(run)


@pytest.fixture(scope="module")
def recommender(made):
    return Recommender(made[1])


@pytest.fixture(scope="module")
def ids(recommender):
    return [article.article_id for article in recommender.articles()]


@pytest.fixture
def client(made):
    return make_client(made[1])


def test_articles_are_found_by_their_id_and_their_title(client, recommender, ids):
    article = recommender.article(ids[7])
    for params in ({"article_id": ids[7]}, {"search": article.title, "limit": 1_000}):
        found = client.get("/articles", params=params).json()["articles"]
        shown = {"article_id": ids[7], "title": article.title, "category": article.category}
        assert shown in found
    assert all(article_id.startswith("N") for article_id in ids)
    assert article.category


def test_readers_come_with_titles_and_are_ranked_for(client, recommender):
    readers = client.get("/readers").json()["readers"]
    assert len(readers) == 8
    for reader in readers:
        assert 3 <= len(reader["history"]) <= recommender.history_size
        history = [click["article_id"] for click in reader["history"]]
        assert all(click["title"] for click in reader["history"])
        ranking = client.post("/recommend", json={"history": history}).json()
        assert ranking["unknown"] == []
        expected = recommender.rank(history, k=10).article_ids
        assert [row["article_id"] for row in ranking["ranking"]] == expected


def test_candidates_are_ranked_and_explained_under_their_strings(client, ids):
    body = {"history": [ids[0], "N0"], "candidates": [*ids[5:9], "N-1"]}
    answer = client.post("/recommend", json=body).json()
    assert {row["article_id"] for row in answer["ranking"]} == set(ids[5:9])
    assert answer["unknown"] == ["N0", "N-1"]
    best = answer["ranking"][0]
    parts = client.post(
        "/explain", json={"history": body["history"], "candidate": best["article_id"]}
    )
    parts = parts.json()
    assert [(click["article_id"], click["known"]) for click in parts["clicks"]] == [
        (ids[0], True),
        ("N0", False),
    ]
    added = parts["padding"] + parts["common"]
    added += sum(click["contribution"] for click in parts["clicks"])
    assert added == pytest.approx(best["score"], abs=1e-4)


def test_an_article_is_added_under_a_string_alone(client, recommender, ids):
    title = recommender.article(ids[3]).title
    body = {"articles": [{"article_id": each, "title": title} for each in ("N-new", "N-twin")]}
    assert client.post("/articles", json=body).json()["added"] == 2
    ranking = client.post(
        "/recommend", json={"history": ids[:1], "candidates": ["N-new", "N-twin"]}
    )
    scores = [row["score"] for row in ranking.json()["ranking"]]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    body["articles"][0]["article_id"] = 17
    assert fields(client.post("/articles", json=body)) == ["articles[0].article_id"]
    assert fields(client.post("/recommend", json={"history": [17]})) == ["history"]


def test_an_uploaded_table_of_strings_is_scored_as_by_torch(made, client):
    run, _ = made
    datamodule, module = for_evaluation(RunFolder(run), OWN_DATA)
    split = mind.read_split(datamodule.config.folder, "validation")
    histories = split.histories.rename({"history": "article_id_fixed"})
    table = (
        split.impressions.join(histories, on="history_key", how="left", maintain_order="left")
        .rename({"inview": "article_ids_inview", "clicked": "article_ids_clicked"})
        .drop("history_key")
        .collect()
    )
    buffer = io.BytesIO()
    table.write_parquet(buffer)
    answer = client.post("/predict/", files={"behaviors": buffer.getvalue()}).json()
    impressions = datamodule.impressions("validation")
    expected = torch_scores(module.model.eval(), datamodule.table, impressions)
    found = np.concatenate([row["scores"] for row in answer["impressions"]])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1, abs(expected).max()))
    shown = [row["article_ids"] for row in answer["impressions"]]
    assert shown == table["article_ids_inview"].to_list()
    assert 0 < answer["metrics"]["auc"] < 1
