import json

import polars as pl
import pytest
from run_script import run_script, small
from tiny_transformer import save_tiny_transformer

from nrms_torch.data.articles import vector_table


def test_generated_data_tells_its_scale_and_is_made_once(tmp_path):
    folder = tmp_path / "data"
    command = [f"path={folder}", "impressions=1_000"]
    printed = run_script("generate_data", *command)
    truth = json.loads((folder / "truth.json").read_text())
    assert truth["parameters"]["impressions"] == 1_000
    assert f"true_taste {truth['splits']['test']['auc']['true_taste']:.3f}" in printed
    assert run_script("generate_data", *command) == printed
    refused = run_script("generate_data", *command, "seed=8", status=2)
    assert refused.startswith("error: ")
    assert refused.count("\n") == 1


def test_embedded_articles_serve_as_document_vectors(tmp_path, demo_folder):
    transformer = save_tiny_transformer(tmp_path / "bert")
    file = tmp_path / "made" / "vectors.parquet"
    run_script(
        "embed_articles", f"path={demo_folder}", f"transformer={transformer}", f"output={file}"
    )
    ids = pl.read_parquet(demo_folder / "articles.parquet")["article_id"]
    table = vector_table(file)
    assert table.ids.to_list() == ids.to_list()
    assert table.features.shape == (len(ids) + 1, 8)


@pytest.mark.parametrize(
    ("overrides", "what"), [(["batch_size=0"], "batch_size"), (["path=nowhere"], "nowhere")]
)
def test_embedding_of_what_is_not_there_is_told_in_one_line(tmp_path, overrides, what):
    command = ["path=nowhere", "transformer=no/such/model", f"output={tmp_path}/vectors.parquet"]
    printed = run_script("embed_articles", *command, *overrides, status=2)
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1
    assert what in printed
    assert not list(tmp_path.iterdir())


def test_data_prepared_ahead_is_what_training_uses(tmp_path, demo_folder):
    cache = f"data.cache={tmp_path}/cache"
    data = ["model=nrms", f"data.path={demo_folder}", "data.generate=null"]
    printed = run_script("prepare_data", *data, cache)
    for split, impressions in (("train", "1,500"), ("validation", "300"), ("test", "300")):
        assert f"prepared {split}: {impressions} impressions" in printed
        assert f"│ {split} " in printed
    trained = run_script("train", *small("nrms", demo_folder), cache, f"run={tmp_path}/run")
    assert "train: 1,500 impressions" in trained
    assert "impressions/s" not in trained


def test_a_folder_without_splits_cannot_be_prepared(tmp_path, demo_folder):
    vectors = f"data.vectors={demo_folder}/document_vectors.parquet"
    command = [f"data.path={tmp_path}", "data.generate=null", vectors]
    printed = run_script("prepare_data", *command, status=2)
    assert printed.startswith(
        f"error: {tmp_path}: found nothing; expected articles.parquet, train/"
    )
    assert printed.count("\n") == 1
    assert not list(tmp_path.iterdir())
