import polars as pl
import pytest
from golden_files import FOLDER
from run_script import metrics_of, run_script

SIZES = ["model.head_num=4", "model.head_dim=3", "model.attention_hidden_dim=7"]


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """The recorded NRMSDocVec, imported by the command itself."""
    run = tmp_path_factory.mktemp("imported") / "run"
    printed = run_script(
        "import_keras_weights",
        f"weights={FOLDER / 'nrms_docvec_keras2.h5'}",
        "model=nrms_docvec",
        *SIZES,
        "model.newsencoder_units_per_layer=[12,11]",
        f"output={run}",
    )
    assert str(run) in printed
    return run


@pytest.fixture(scope="module")
def vectors(demo_folder, tmp_path_factory):
    """Document vectors of the width that the recorded model has."""
    table = pl.read_parquet(demo_folder / "document_vectors.parquet")
    file = tmp_path_factory.mktemp("vectors") / "vectors.parquet"
    table.with_columns(pl.col("document_vector").list.head(20)).write_parquet(file)
    return file


def test_an_imported_run_is_evaluated_like_any_other(imported, demo_folder, vectors):
    run_script("evaluate", f"run={imported}", f"data.path={demo_folder}", f"data.vectors={vectors}")
    metrics = metrics_of(imported)
    assert metrics["impressions"] + metrics["skipped"] == 300
    assert 0 < metrics["auc"] < 1


def test_an_imported_run_goes_on_training(imported, demo_folder, vectors):
    data = ["data=ebnerd", f"data.path={demo_folder}", f"data.vectors={vectors}"]
    run_script("train", f"resume={imported}", *data, "trainer.max_epochs=1")
    assert (imported / "learning_curve.png").is_file()
