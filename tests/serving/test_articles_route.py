"""/articles: added articles are ranked at once; the API key where there is one."""

import json

import pytest
from served import fields, make_client, problem

KEY = {"X-API-Key": "secret"}


def test_an_added_article_is_listed_and_ranked(client, library, ids):
    twin = library.article(ids[3])
    articles = [{"article_id": each, "title": twin.title, "category": "new"} for each in (1, 2)]
    answer = client.post("/articles", json={"articles": articles})
    assert answer.json() == {"added": 2, "updated": 0, "unknown_tokens": 0, "lasting": False}
    ranking = client.post("/recommend", json={"history": ids[:2], "candidates": [1, 2]})
    scores = [item["score"] for item in ranking.json()["ranking"]]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    shown = client.get("/articles", params={"article_id": 1}).json()
    assert shown == {
        "articles": [{"article_id": 1, "title": twin.title, "category": "new"}],
        "total": 1,
    }


def test_what_is_added_is_counted_bounded_and_said_not_to_last(bundle, ids):
    client = make_client(bundle, max_added=2)

    def add(*new):
        body = {"articles": [{"article_id": each, "title": "storm"} for each in new]}
        return client.post("/articles", json=body)

    assert add(1, 2, 1).json() == {"added": 2, "updated": 1, "unknown_tokens": 0, "lasting": False}
    assert "2 were added already" in problem(add(ids[0], 3), 507)["detail"]
    assert add(1, ids[0]).status_code == 200
    model = client.get("/v2/models/nrms").json()
    assert (model["added"], model["added_lasting"]) == (2, False)


@pytest.mark.parametrize("value", ["1.5", True, None, 1e39, 1e10])
def test_a_vector_of_what_is_no_moderate_number_is_refused(vector_bundle, value):
    client = make_client(vector_bundle)
    width = client.get("/v2/models/nrms").json()["manifest"]["model"]["document_vector_size"]
    body = {"articles": [{"article_id": 1, "vector": [0.5] * (width - 1) + [value]}]}
    response = client.post("/articles", json=body)
    assert fields(response)[0].startswith("articles")
    assert "vector" in fields(response)[0]
    assert client.get("/articles", params={"article_id": 1}).json()["total"] == 0


def test_a_known_article_is_updated(client, library, ids):
    title = library.article(ids[3]).title
    body = {"articles": [{"article_id": ids[4], "title": title}]}
    assert client.post("/articles", json=body).json()["updated"] == 1
    assert client.get("/articles", params={"article_id": ids[4]}).json()["articles"][0][
        "title"
    ] == (title)


def test_a_vector_is_added_where_the_model_reads_vectors(vector_bundle):
    client = make_client(vector_bundle)
    width = client.get("/v2/models/nrms").json()["manifest"]["model"]["document_vector_size"]
    body = {"articles": [{"article_id": 1, "vector": [0.5] * width}]}
    assert client.post("/articles", json=body).json()["added"] == 1
    assert client.post("/recommend", json={"history": [1], "candidates": [1]}).json()["ranking"]
    short = {"articles": [{"article_id": 2, "vector": [0.5]}]}
    assert fields(client.post("/articles", json=short)) == ["articles[0].vector"]


@pytest.mark.parametrize(
    ("articles", "expected"),
    [
        ([], ["articles"]),
        ([{"title": "a"}], ["articles.0.article_id"]),
        ([{"article_id": 1}], ["articles[0]"]),
        ([{"article_id": 1, "title": "a"}, {"article_id": "N1", "title": "a"}],
         ["articles[1].article_id"]),
        ([{"article_id": 1, "vector": [1.0]}], ["articles[0].vector"]),
        ([{"article_id": 1, "title": "a", "headline": "b"}], ["articles.0.headline"]),
        ([{"article_id": 1, "title": "\ud800"}], ["articles.0.title"]),
    ],
)  # fmt: skip
def test_a_wrong_article_is_named_and_none_is_added(client, articles, expected):
    before = client.get("/articles").json()["total"]
    content = json.dumps({"articles": articles}).encode()
    response = client.post(
        "/articles", content=content, headers={"content-type": "application/json"}
    )
    assert fields(response) == expected
    assert client.get("/articles").json()["total"] == before


def test_articles_are_listed_by_pages_and_searched_by_title(client, library, ids):
    first = client.get("/articles", params={"limit": 5}).json()
    assert [article["article_id"] for article in first["articles"]] == ids[:5]
    assert first["total"] == len(ids)
    second = client.get("/articles", params={"limit": 5, "offset": 5}).json()
    assert [article["article_id"] for article in second["articles"]] == ids[5:10]
    word = library.article(ids[3]).title.split()[0]
    found = client.get("/articles", params={"search": word.upper(), "limit": 1000}).json()
    expected = [a.article_id for a in library.articles() if word.casefold() in a.title.casefold()]
    assert [article["article_id"] for article in found["articles"]] == expected


def test_ids_in_a_url_that_no_article_has_are_left_out(client, ids):
    params = {"article_id": ["x", "-1", "9" * 30, "٣", str(ids[0])]}
    assert client.get("/articles", params=params).json()["total"] == 1
    assert fields(client.get("/articles", params={"limit": -1})) == ["limit"]


def test_with_a_key_only_its_holder_adds_articles_and_all_read(bundle, ids):
    client = make_client(bundle, api_key="secret")
    body = {"articles": [{"article_id": 1, "title": "storm"}]}
    for headers in ({}, {"X-API-Key": "wrong"}, {"X-API-Key": "é".encode()}):
        response = client.post("/articles", json=body, headers=headers)
        problem(response, 401)
        assert response.headers["www-authenticate"]
    assert client.post("/articles", json=body, headers=KEY).status_code == 200
    assert client.post("/recommend", json={"history": ids[:1]}).status_code == 200
    assert client.get("/articles").status_code == 200
