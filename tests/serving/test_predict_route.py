"""POST /predict/: what evaluation computes, for an uploaded table; and no upload breaks it."""

import io
import json
import os
import random
import tempfile

import numpy as np
import polars as pl
import pytest
import torch
from exported_runs import KINDS_OF_VARIANTS, OWN_DATA, export, import_run
from served import PROBLEM, fields, make_client, problem

from nrms_torch.data import ebnerd
from nrms_torch.evaluation.ranking import RankingMetrics, ranks
from nrms_torch.export.check import torch_scores
from nrms_torch.training.assemble import for_evaluation
from nrms_torch.training.run_folder import RunFolder

# The suite sends some; NRMS_MALFORMED_UPLOADS=1000 sends a thousand.
UPLOADS = int(os.environ.get("NRMS_MALFORMED_UPLOADS", "40"))


@pytest.fixture(scope="module")
def files(demo_folder):
    folder = demo_folder / "validation"
    return {
        "behaviors": (folder / "behaviors.parquet").read_bytes(),
        "history": (folder / "history.parquet").read_bytes(),
    }


@pytest.fixture(scope="module")
def behaviors(files):
    return pl.read_parquet(files["behaviors"])


@pytest.fixture
def temporary_files(tmp_path, monkeypatch):
    """The folder in which a request may write, which is to be empty in the end."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert list(tmp_path.iterdir()) == []


def parquet(table, **options):
    buffer = io.BytesIO()
    table.write_parquet(buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "variant"), KINDS_OF_VARIANTS)
@pytest.mark.usefixtures("temporary_files")
def test_torch_and_the_api_give_the_same_scores_ranks_and_metrics(exported, files, kind, variant):
    expect_what_torch_gives(*exported(kind, variant), files)


def test_so_they_do_for_imported_keras_weights(demo_folder, vectors_of_20, files, tmp_path):
    run = import_run(demo_folder, vectors_of_20, tmp_path / "run")
    expect_what_torch_gives(run, export(run), files)


def expect_what_torch_gives(run, bundle, files):
    datamodule, module = for_evaluation(RunFolder(run), OWN_DATA)
    impressions = datamodule.impressions("validation")
    scores = torch_scores(module.model.eval(), datamodule.table, impressions)
    answer = make_client(bundle).post("/predict/", files=files).json()
    rows = answer["impressions"]
    assert [row["impression_id"] for row in rows] == impressions.impression_ids.tolist()
    found = np.concatenate([row["scores"] for row in rows])
    np.testing.assert_allclose(found, scores, rtol=0, atol=1e-5 * max(1, abs(scores).max()))
    lists = [torch.from_numpy(each) for each in (scores, impressions.labels, impressions.offsets)]
    expected = ranks(lists[0], lists[2])
    assert np.concatenate([row["ranks"] for row in rows]).tolist() == expected.tolist()
    metrics = RankingMetrics()
    metrics.update(*lists)
    for name, value in metrics.compute().items():
        assert answer["metrics"][name] == pytest.approx(value.item(), abs=1e-12)
    assert answer["metrics"]["unknown_articles"] == impressions.unknown_articles


@pytest.mark.usefixtures("temporary_files")
def test_a_history_column_stands_for_the_second_file(client, files, behaviors):
    histories = pl.read_parquet(files["history"]).select("user_id", "article_id_fixed")
    one = behaviors.join(histories, on="user_id", how="left", maintain_order="left")
    one = one.drop("user_id")
    expected = client.post("/predict/", files=files).json()
    assert client.post("/predict/", files={"behaviors": parquet(one)}).json() == expected


@pytest.mark.usefixtures("temporary_files")
def test_without_labels_there_are_no_metrics(client, files, behaviors):
    labelled = client.post("/predict/", files=files).json()
    unlabelled = files | {"behaviors": parquet(behaviors.drop("article_ids_clicked"))}
    answer = client.post("/predict/", files=unlabelled).json()
    assert answer["metrics"] is None
    assert answer["impressions"] == labelled["impressions"]


@pytest.mark.usefixtures("temporary_files")
def test_parquet_is_given_where_it_is_asked_for(client, files):
    expected = client.post("/predict/", files=files).json()
    kind = "application/vnd.apache.parquet"
    for response in (
        client.post("/predict/", files=files, headers={"accept": kind}),
        client.post("/predict/?format=parquet", files=files),
    ):
        assert response.headers["content-type"] == kind
        rows = pl.read_parquet(response.content)
        assert rows["ranks"].to_list() == [row["ranks"] for row in expected["impressions"]]
        assert rows.columns == ["impression_id", "article_ids", "scores", "ranks"]
        metadata = pl.read_parquet_metadata(io.BytesIO(response.content))
        assert json.loads(metadata["metrics"]) == expected["metrics"]
        assert json.loads(metadata["model_version"]) == expected["model_version"]
    as_json = client.post("/predict/?format=json", files=files, headers={"accept": kind})
    assert as_json.json() == expected
    assert fields(client.post("/predict/?format=csv", files=files)) == ["format"]


@pytest.mark.usefixtures("temporary_files")
def test_mistakes_in_a_table_name_file_column_and_row(client, files, behaviors):
    clicked = pl.when(pl.col("impression_id") == behaviors["impression_id"][4]).then([1])
    unseen = behaviors.with_columns(
        clicked.otherwise("article_ids_clicked").alias("article_ids_clicked")
    )
    response = client.post("/predict/", files=files | {"behaviors": parquet(unseen)})
    (error,) = problem(response, 422)["errors"]
    assert (error["field"], error["row"]) == ("behaviors.article_ids_clicked", 5)
    lacking = parquet(behaviors.drop("article_ids_inview"))
    assert fields(client.post("/predict/", files=files | {"behaviors": lacking})) == ["behaviors"]
    texts = parquet(behaviors.with_columns(article_ids_inview=pl.lit(["N1"])))
    assert fields(client.post("/predict/", files=files | {"behaviors": texts})) == [
        "behaviors.article_ids_inview"
    ]
    assert fields(client.post("/predict/", files={"behaviors": files["behaviors"]})) == [
        "behaviors"
    ]
    assert fields(client.post("/predict/", files={"history": files["history"]})) == ["behaviors"]
    assert fields(client.post("/predict/", files={"behaviors": b"no parquet"})) == ["behaviors"]
    assert fields(client.post("/predict/", files=files | {"history": b""})) == ["history"]


def test_string_ids_are_read_where_the_articles_have_them(tmp_path):
    split = ebnerd.read_files(
        write(tmp_path, pl.DataFrame({
            "impression_id": [1], "article_ids_inview": [["N1", "N2"]],
            "article_ids_clicked": [["N2"]], "article_id_fixed": [["N3", None]],
        })), None, integer_ids=False,
    )  # fmt: skip
    assert split.labelled
    assert split.impressions.collect()["inview"].to_list() == [["N1", "N2"]]
    assert split.histories.collect()["history"].to_list() == [["N3", None]]


def write(folder, table):
    path = folder / "behaviors.parquet"
    table.write_parquet(path)
    return path


def bomb(impressions, ids):
    """A small file of many ids: runs of equal values take almost no room."""
    lists = pl.Series([[5] * ids], dtype=pl.List(pl.Int64)).new_from_index(0, impressions)
    return parquet(
        pl.DataFrame({
            "impression_id": pl.Series([1]).new_from_index(0, impressions),
            "article_ids_inview": lists,
            "article_id_fixed": pl.Series([[1]]).new_from_index(0, impressions),
        })
    )  # fmt: skip


@pytest.mark.usefixtures("temporary_files")
def test_a_parquet_that_decodes_to_too_much_is_a_413(client):
    for impressions, ids in ((1, 6_000_000), (100_001, 1), (1, 100_000_000)):
        file = bomb(impressions, ids)
        assert len(file) < 2**20
        error = problem(client.post("/predict/", files={"behaviors": file}), 413)
        assert error["errors"][0]["field"] == "behaviors"


def test_an_upload_over_the_limit_is_a_413(bundle, tmp_path):
    client = make_client(bundle, max_upload_mib=1)
    problem(client.post("/predict/", files={"behaviors": b"0" * 2**20}), 413)
    problem(client.post("/predict/", json={}), 415)


def broken(seed, files):
    """A file that is not the parquet it claims to be, and how it came about."""
    draw = random.Random(seed)
    content = bytearray(files["behaviors"])
    way = draw.choice(("bytes", "cut", "footer", "noise", "zeros", "other", "swap"))
    if way == "bytes":
        for _ in range(draw.randint(1, 200)):
            content[draw.randrange(len(content))] = draw.randrange(256)
    elif way == "cut":
        del content[draw.randrange(len(content)) :]
    elif way == "footer":
        content[-8:-4] = draw.randbytes(4)
    elif way == "noise":
        content = b"PAR1" + draw.randbytes(draw.randint(0, 10_000)) + b"PAR1"
    elif way == "zeros":
        start = draw.randrange(len(content))
        content[start : start + draw.randint(1, 5_000)] = bytes(draw.randint(0, 5_000))
    elif way == "other":
        content = draw.choice((b"", b"PAR1", b"PK\x03\x04", b"{}", b"<html>", b"\x1f\x8b\x08"))
    else:
        half = len(content) // 2
        content = content[half:] + content[:half]
    return bytes(content), way


def send_broken(client, files, seed):
    """Send a broken upload; damage that leaves a whole table is answered as one."""
    content, way = broken(seed, files)
    response = client.post("/predict/", files=files | {"behaviors": content})
    if response.status_code != 200:
        assert 400 <= response.status_code < 500, (seed, way, response.text)
        assert response.headers["content-type"] == PROBLEM, (seed, way)
    else:
        assert way in ("bytes", "zeros"), (seed, way)
    return response.status_code, way


@pytest.mark.usefixtures("temporary_files")
def test_malformed_uploads_are_refused_and_leave_nothing(client, files):
    answers = [send_broken(client, files, seed) for seed in range(UPLOADS)]
    assert {way for _, way in answers} > {"bytes", "cut", "noise", "other"}
    assert client.post("/predict/", files=files).status_code == 200


@pytest.mark.usefixtures("temporary_files")
def test_malformed_forms_are_refused_and_leave_nothing(client, files):
    form = {"content-type": "multipart/form-data; boundary=b"}
    whole = client.build_request("POST", "/predict/", files=files)
    content = whole.read()
    for body, headers in (
        (b"", form),
        (b"--b", form),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", form),
        (content[: len(content) // 2], dict(whole.headers) | {"content-length": ""}),
        (b"x" * 100, {"content-type": "multipart/form-data"}),
        (content, {"content-type": "multipart/form-data; boundary=other"}),
    ):
        headers.pop("content-length", None)
        response = client.post("/predict/", content=body, headers=headers)
        assert 400 <= response.status_code < 500
        problem(response, response.status_code)
    text = {"behaviors": (None, "a text field")}
    assert fields(client.post("/predict/", files=text)) == ["behaviors"]
