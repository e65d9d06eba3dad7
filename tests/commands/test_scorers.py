"""What we write is read by the programs that it is made for: scorers, and table libraries."""

import json
import math
import zipfile

import numpy as np
import polars as pl
import pytest
from mind_like import write_mind
from run_script import run_script
from sklearn.metrics import roc_auc_score

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def as_mind(demo_folder, tmp_path_factory):
    """The words that let a run on the generated data read the same data as MIND has it."""
    folder = tmp_path_factory.mktemp("mind") / "data"
    write_mind(demo_folder, folder)
    vectors = pl.read_parquet(demo_folder / "document_vectors.parquet")
    ids = pl.format("N{}", "article_id").alias("article_id")
    vectors.with_columns(ids).write_parquet(folder / "vectors.parquet")
    data = [f"data.path={folder}", f"data.vectors={folder}/vectors.parquet"]
    return folder, ["data.format=mind", *data]


def minds_scorer(truth, submission):
    """Score as MIND's evaluate.py does: lines beside lines, and the AUC of 1 / rank."""
    aucs = []
    with zipfile.ZipFile(submission) as archive, archive.open("prediction.txt") as file:
        for line in truth:
            sub_id, sub_ranks = file.readline().decode().strip("\n").split()
            truth_id, labels = line.strip("\n").split()
            assert sub_id == truth_id, "line-to-line mapping"
            ranks = json.loads(sub_ranks)
            labels = json.loads(labels)
            assert len(ranks) == len(labels)
            assert set(ranks) == set(range(1, len(ranks) + 1))
            aucs.append(roc_auc_score(labels, [1.0 / rank for rank in ranks]))
        assert file.readline() == b""
    return np.mean(aucs)


def ebnerds_scorer(behaviors, submission):
    """Score as the RecSys Challenge 2024 does: impressions by place, and the AUC of 1 / rank."""
    with zipfile.ZipFile(submission) as archive:
        (member,) = archive.namelist()
        assert member == "predictions.txt"
        lines = archive.read(member).decode().splitlines()
    aucs = []
    for line, (impression, inview, clicked) in zip(lines, behaviors.iter_rows(), strict=True):
        found, ranks = line.split(" ", 1)
        assert int(found) == impression
        labels = [article in clicked for article in inview]
        aucs.append(roc_auc_score(labels, 1.0 / np.array(json.loads(ranks))))
    return np.mean(aucs)


def auc_of(run, folder, *words):
    metrics = folder / "metrics.json"
    run_script("evaluate", f"run={run}", f"metrics={metrics}", *words)
    return json.loads(metrics.read_text())["auc"]


def test_minds_scorer_reads_our_submission_and_finds_our_auc(trained, as_mind, tmp_path):
    folder, data = as_mind
    output = tmp_path / "mind.zip"
    run_script("predict", f"run={trained}", "split=validation", f"output={output}", *data)
    truth = []
    for line in (folder / "dev" / "behaviors.tsv").read_text().splitlines():
        impression, *_, candidates = line.split("\t")
        labels = [int(candidate[-1]) for candidate in candidates.split(" ")]
        truth.append(f"{impression} [{','.join(map(str, labels))}]\n")
    assert minds_scorer(truth, output) == pytest.approx(auc_of(trained, tmp_path, *data), abs=1e-3)


def test_ebnerds_scorer_reads_our_submission_and_finds_our_auc(trained, demo_folder, tmp_path):
    output = tmp_path / "ebnerd.zip"
    run_script("predict", f"run={trained}", "split=validation", f"output={output}")
    columns = ("impression_id", "article_ids_inview", "article_ids_clicked")
    behaviors = pl.read_parquet(demo_folder / "validation" / "behaviors.parquet").select(columns)
    assert ebnerds_scorer(behaviors, output) == pytest.approx(auc_of(trained, tmp_path), abs=1e-3)


def with_pandas(file):
    pytest.importorskip("pyarrow")
    table = pytest.importorskip("pandas").read_parquet(file)
    return {name: [_plain(value) for value in table[name]] for name in table.columns}


def with_arrow(file):
    return pytest.importorskip("pyarrow.parquet").read_table(file).to_pydict()


def with_duckdb(file):
    found = pytest.importorskip("duckdb").sql(f"select * from '{file}'")
    columns = zip(found.columns, zip(*found.fetchall(), strict=True), strict=True)
    return {name: [_plain(value) for value in column] for name, column in columns}


def _plain(value):
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, float) and math.isnan(value):
        return None  # pandas' word for what is missing
    return list(value) if isinstance(value, tuple) else value


@pytest.fixture(scope="module")
def tables(trained, demo_folder, tmp_path_factory):
    """One of each kind of table that we write."""
    output = tmp_path_factory.mktemp("tables") / "predictions.parquet"
    run_script("predict", f"run={trained}", f"output={output}")
    return {
        "predictions": output,
        "articles": demo_folder / "articles.parquet",
        "behaviors": demo_folder / "train" / "behaviors.parquet",
        "vectors": demo_folder / "document_vectors.parquet",
    }


@pytest.mark.parametrize("kind", ["predictions", "articles", "behaviors", "vectors"])
@pytest.mark.parametrize("read", [with_pandas, with_arrow, with_duckdb])
def test_a_table_is_read_alike_by_other_libraries(tables, kind, read):
    expected = pl.read_parquet(tables[kind]).to_dict(as_series=False)
    found = read(tables[kind])
    assert list(found) == list(expected)
    for name, values in expected.items():
        if name == "impression_time":  # each library has a time of its own
            assert len(found[name]) == len(values)
        else:
            assert found[name] == values, name
