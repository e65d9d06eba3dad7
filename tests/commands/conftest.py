import shutil

import polars as pl
import pytest
from run_script import run_script, small


@pytest.fixture(scope="session")
def trained_nrms(tmp_path_factory, demo_folder):
    """A small NRMS on a tokenizer of its own, trained by the command itself."""
    run = tmp_path_factory.mktemp("runs") / "nrms"
    run_script("train", *small("nrms", demo_folder), f"run={run}")
    return run


@pytest.fixture
def three_impressions(tmp_path, demo_folder):
    """A folder of its own with a split smaller than four ranks, and articles of which some lack."""
    folder = tmp_path / "few"
    (folder / "validation").mkdir(parents=True)
    source = demo_folder / "test"
    behaviors = pl.read_parquet(source / "behaviors.parquet").head(3)
    behaviors.write_parquet(folder / "validation" / "behaviors.parquet")
    shutil.copy(source / "history.parquet", folder / "validation")
    shutil.copy(demo_folder / "articles.parquet", folder)
    vectors = pl.read_parquet(demo_folder / "document_vectors.parquet")
    lacking = behaviors["article_ids_inview"].list.first().unique()
    kept = vectors.filter(~pl.col("article_id").is_in(lacking.implode()))
    kept.write_parquet(folder / "vectors.parquet")
    return folder
