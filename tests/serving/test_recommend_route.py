"""POST /recommend and /explain answer as the library does, and say what is wrong with a body."""

import asyncio
import json
from threading import get_ident

import httpx
import numpy as np
import pytest
from served import fields, make_app, make_client, problem

from nrms_torch.serving import Recommender
from nrms_torch.serving.api.monitoring import Monitoring
from nrms_torch.serving.api.schemas import RecommendResponse

JSON = {"content-type": "application/json"}


def test_recommend_gives_the_ranking_of_the_library(client, library, ids):
    body = {"history": ids[:7], "candidates": ids[20:60], "k": 5}
    answer = client.post("/recommend", json=body).json()
    expected = library.rank(ids[:7], ids[20:60], k=5)
    assert [item["article_id"] for item in answer["ranking"]] == expected.article_ids
    scores = np.array([item["score"] for item in answer["ranking"]], dtype=np.float32)
    np.testing.assert_array_equal(scores, expected.scores)
    assert answer["unknown"] == []
    assert answer["model_version"] == library.bundle.version


def test_without_candidates_ten_of_all_articles_are_given(client, library, ids):
    for body in ({"history": ids[:3]}, {"history": ids[:3], "candidates": None}):
        ranking = client.post("/recommend", json=body).json()["ranking"]
        assert [item["article_id"] for item in ranking] == library.rank(ids[:3], k=10).article_ids


def test_a_choice_so_large_that_it_leaves_the_event_loop_gives_the_same(client, library, ids):
    candidates = ids * 3
    answer = client.post("/recommend", json={"history": ids[:3], "candidates": candidates}).json()
    found = [item["article_id"] for item in answer["ranking"]]
    assert found == library.rank(ids[:3], candidates, k=10).article_ids


@pytest.mark.parametrize("choice", ["all", "few"])
def test_an_answer_is_written_where_its_ranking_is_made(client, ids, choice, monkeypatch):
    threads = {}

    def noting(method):
        def noted(self, *arguments, **named):
            threads[method.__name__] = get_ident()
            return method(self, *arguments, **named)

        return noted

    for kind, name in ((Recommender, "rank"), (RecommendResponse, "model_dump_json")):
        monkeypatch.setattr(kind, name, noting(getattr(kind, name)))
    monkeypatch.setattr(Monitoring, "count_ranking", noting(Monitoring.count_ranking))
    candidates = None if choice == "all" else ids[:10]
    answer = client.post("/recommend", json={"history": [], "candidates": candidates, "k": 2_000})
    assert len(answer.json()["ranking"]) == (len(ids) if choice == "all" else 10)
    assert threads["rank"] == threads["model_dump_json"]
    assert (threads["count_ranking"] != threads["rank"]) == (choice == "all")


def test_unknown_ids_are_named_once_and_the_rest_is_ranked(client, ids):
    body = {"history": [5, ids[0], 5], "candidates": [7, ids[1], 5, 7]}
    answer = client.post("/recommend", json=body).json()
    assert [item["article_id"] for item in answer["ranking"]] == [ids[1]]
    assert answer["unknown"] == [5, 7]


def test_an_empty_history_and_no_candidates_are_answered(client):
    assert client.post("/recommend", json={"history": []}).json()["ranking"]
    empty = client.post("/recommend", json={"history": [], "candidates": []})
    assert empty.json()["ranking"] == []


def test_explain_gives_parts_that_add_up_to_the_score(client, library, ids):
    answer = client.post("/explain", json={"history": ids[:4], "candidate": ids[9]}).json()
    assert answer["score"] == pytest.approx(library.rank(ids[:4], [ids[9]]).scores[0], abs=1e-5)
    total = answer["padding"] + answer["common"]
    total += sum(click["contribution"] for click in answer["clicks"])
    assert total == pytest.approx(answer["score"], abs=1e-4)
    assert [click["article_id"] for click in answer["clicks"]] == ids[:4]
    assert answer["title"]["words"]


def test_an_unknown_candidate_cannot_be_explained(client, ids):
    assert fields(client.post("/explain", json={"history": ids[:1], "candidate": 3})) == [
        "candidate"
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["history"]),
        ([], ["body"]),
        (None, ["body"]),
        ({"history": None}, ["history"]),
        ({"history": [True, 1, 2.5, "", 2**63]}, ["history.0"]),
        ({"history": [], "k": 0}, ["k"]),
        ({"history": [], "k": 2.0}, ["k"]),
        ({"history": [], "candidates": 5}, ["candidates"]),
        ({"history": [], "candidate": [1]}, ["candidate"]),
        ({"history": ["N1"]}, ["history"]),
        ({"history": [], "candidates": ["N1"]}, ["candidates"]),
        ({"history": [1] * 10_001}, ["history"]),
    ],
)
def test_a_wrong_body_is_a_422_that_names_the_field(client, body, expected):
    content = json.dumps(body).encode()
    assert fields(client.post("/recommend", content=content, headers=JSON)) == expected


@pytest.mark.parametrize("content", [b"{", b"", b'{"history": [1,]}', b"\xef\xbb\xbf{}"])
def test_what_is_no_json_is_told_so(client, content):
    response = client.post("/recommend", content=content, headers=JSON)
    assert response.status_code in (400, 422)
    problem(response, response.status_code)


@pytest.mark.parametrize("content", [b'"\xff"', b"[" * 100_000])
def test_text_that_no_parser_takes_is_a_400(client, content):
    problem(client.post("/recommend", content=content, headers=JSON), 400)


def test_thousands_of_mistakes_are_told_in_a_short_answer(client):
    response = client.post("/recommend", json={"history": [True] * 10_000})
    assert len(response.content) < 10_000
    assert fields(response) == ["history.0"], "the first, for each costs a little time of all"


def test_other_media_types_are_a_415(client):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        response = client.post("/recommend", content=b"{}", headers={"content-type": kind})
        assert kind in problem(response, 415)["detail"]
    problem(client.post("/recommend", content=b"{}"), 415)
    with_charset = {"content-type": "application/json; charset=utf-8"}
    body = json.dumps({"history": []}).encode()
    assert client.post("/recommend", content=body, headers=with_charset).status_code == 200


def test_a_body_over_the_limit_is_a_413_whether_or_not_it_says_its_size(bundle):
    client = make_client(bundle, max_json_mib=1)
    body = b" " * (2**20 + 1)

    def in_parts():
        yield from (body[start : start + 1_000] for start in range(0, len(body), 1_000))

    problem(client.post("/recommend", content=body, headers=JSON), 413)
    problem(client.post("/recommend", content=in_parts(), headers=JSON), 413)
    assert client.post("/recommend", json={"history": []}).status_code == 200


def test_slow_senders_have_only_the_memory_of_all_places_and_do_not_stop_small_requests(bundle):
    small = b'{"history": []}'
    large = small + b" " * 1_000_000  # the limit of one, and of the one place, is 2^20

    async def ask():
        arrived, ended = asyncio.Event(), asyncio.Event()

        async def slowly():
            yield large[:-1]
            arrived.set()
            await ended.wait()
            yield large[-1:]

        transport = httpx.ASGITransport(make_app(bundle, max_waiting=1, max_json_mib=1))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:

            def post(content):
                return client.post("/recommend", content=content, headers=JSON)

            slow = asyncio.create_task(post(slowly()))
            await arrived.wait()
            refused, passed = await post(large), await post(small)
            ended.set()
            return refused, passed, await slow, await post(large)

    refused, *answered = asyncio.run(ask())
    problem(refused, 503)
    assert refused.headers["retry-after"] == "1"
    assert [response.status_code for response in answered] == [200, 200, 200]


def test_paths_and_methods_that_are_not_there_are_problems(client):
    problem(client.get("/no/such/path"), 404)
    problem(client.put("/recommend", json={}), 405)
    problem(client.get("/v2/models/other"), 404)


def test_diversity_is_the_engines_and_a_probability_is_null_without_calibration(
    client, library, ids
):
    body = {"history": ids[:3], "k": 5, "diversity": 0.5}
    answer = client.post("/recommend", json=body).json()["ranking"]
    expected = library.rank(ids[:3], k=5, diversity=0.5).article_ids
    assert [item["article_id"] for item in answer] == expected
    assert [item["probability"] for item in answer] == [None] * 5
    assert client.post("/recommend", json={**body, "diversity": 1.1}).status_code == 422
