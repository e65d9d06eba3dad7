"""Health, metadata, metrics, and the swap to another bundle."""

import shutil

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from served import fields, make_app, make_client, problem

KEY = {"X-API-Key": "secret"}


def test_a_server_without_a_model_is_live_and_not_ready(bundle):
    client = make_client(bundle, loaded=False)
    assert client.get("/v2/health/live").json() == {"live": True}
    for response in (
        client.get("/v2/health/ready"),
        client.get("/v2/models/nrms"),
        client.get("/articles"),
        client.post("/recommend", json={"history": []}),
        client.post("/explain", json={"history": [], "candidate": 1}),
        client.post("/articles", json={"articles": [{"article_id": 1, "title": "a"}]}),
        client.post("/predict", files={"behaviors": b"PAR1"}),
    ):
        problem(response, 503)
        assert int(response.headers["retry-after"]) >= 1
    assert client.get("/metrics").status_code == 200


def test_metadata_says_what_is_served(client, library):
    assert client.get("/v2/health/ready").json() == {"ready": True}
    model = client.get("/v2/models/nrms").json()
    assert model["name"] == "nrms"
    assert model["versions"] == [library.bundle.version]
    assert model["articles"] == len(library)
    assert model["manifest"] == library.model
    assert (model["integer_ids"], model["reads_titles"]) == (True, True)


def sample(client, name, **labels):
    text = client.get("/metrics").text
    return sum(
        each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
        if each.name == name and labels.items() <= each.labels.items()
    )


def test_metrics_count_requests_candidates_unknown_ids_and_scores(client, library, ids):
    client.post(
        "/recommend", json={"history": [ids[0], 5], "candidates": [*ids[:20], 7, 7], "k": 6}
    )
    client.post("/recommend", json={"history": 3})
    client.get("/no/such/path")
    client.get("/another")
    assert sample(client, "nrms_requests_total", route="/recommend", status="200") == 1
    assert sample(client, "nrms_requests_total", route="/recommend", status="422") == 1
    assert sample(client, "nrms_requests_total", route="other", status="404") == 2
    assert sample(client, "nrms_request_seconds_count", route="/recommend") == 2
    assert sample(client, "nrms_candidates_sum") == 22
    assert sample(client, "nrms_ids_total") == 24
    assert sample(client, "nrms_unknown_ids_total") == 3, "repeated ones count in both"
    assert sample(client, "nrms_score_count") == 6
    shown = library.rank([ids[0], 5], ids[:20], k=6).scores
    probabilities = 1 / (1 + np.exp(-shown.astype(float)))
    assert sample(client, "nrms_score_sum") == pytest.approx(probabilities.sum())
    assert sample(client, "nrms_score_bucket", le="0.5") == (probabilities <= 0.5).sum()
    assert sample(client, "nrms_model_info", version=library.bundle.version) == 1
    assert sample(client, "nrms_articles") == len(library)


def test_a_load_swaps_the_model_and_its_articles(bundle, vector_bundle, library):
    client = make_client(bundle, api_key="secret")
    answer = client.post("/v2/models/nrms/load", json={"bundle": str(vector_bundle)}, headers=KEY)
    assert answer.status_code == 200
    model = client.get("/v2/models/nrms").json()
    assert answer.json() == {
        "model_version": model["versions"][0],
        "replaced": library.bundle.version,
        "articles": model["articles"],
    }
    assert model["manifest"]["model"]["name"] == "nrms_docvec"
    assert sample(client, "nrms_model_info", version=library.bundle.version) == 0


def test_a_bundle_that_is_not_whole_is_not_swapped_in(bundle, tmp_path, library):
    client = make_client(bundle, api_key="secret")
    damaged = tmp_path / "bundle"
    shutil.copytree(bundle, damaged)
    (damaged / "user_encoder.onnx").write_bytes(b"no graph")
    for folder in (str(damaged), str(tmp_path / "none"), "\0", "a" * 4_000):
        response = client.post("/v2/models/nrms/load", json={"bundle": folder}, headers=KEY)
        problem(response, 422)
    assert client.get("/v2/models/nrms").json()["versions"] == [library.bundle.version]
    assert fields(client.post("/v2/models/nrms/load", json={}, headers=KEY)) == ["bundle"]


def test_a_swap_needs_a_key(bundle):
    body = {"bundle": str(bundle)}
    problem(make_client(bundle).post("/v2/models/nrms/load", json=body, headers=KEY), 403)
    client = make_client(bundle, api_key="secret")
    problem(client.post("/v2/models/nrms/load", json=body), 401)
    wrong = {"X-API-Key": "Secret"}
    problem(client.post("/v2/models/nrms/load", json=body, headers=wrong), 401)


def test_openapi_declares_examples_and_problems(bundle):
    document = make_app(bundle).openapi()
    assert document["paths"].keys() == {
        "/recommend",
        "/explain",
        "/predict",
        "/events",
        "/articles",
        "/readers",
        "/metrics",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/nrms",
        "/v2/models/nrms/load",
    }
    paths = ("/recommend", "/explain", "/predict", "/events", "/articles", "/v2/models/nrms/load")
    for path in paths:
        responses = document["paths"][path]["post"]["responses"]
        assert {"200", "400", "413", "415", "422", "503"} <= responses.keys()
        for status, response in responses.items():
            if status != "200":
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}
    schemas = document["components"]["schemas"]
    with_examples = ("Recommend", "Explain", "Events", "Articles", "Load")
    for name in (*(f"{each}Request" for each in with_examples), "Problem"):
        assert schemas[name]["examples"]


@pytest.mark.parametrize(
    "path", ["/", "/v2/health/live", "/v2/health/ready", "/v2/models/nrms", "/metrics", "/docs"]
)
def test_head_is_answered_as_get_without_the_body(client, path):
    asked, got = client.head(path), client.get(path)
    assert asked.status_code == got.status_code == 200
    assert asked.content == b""
    assert asked.headers["content-type"] == got.headers["content-type"]


def test_head_of_what_only_takes_post_is_refused(client):
    assert client.head("/recommend").status_code == 405
