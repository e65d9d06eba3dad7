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


def test_an_imported_run_is_evaluated_like_any_other(imported, demo_folder, vectors_of_20):
    run_script(
        "evaluate", f"run={imported}", f"data.path={demo_folder}", f"data.vectors={vectors_of_20}"
    )
    metrics = metrics_of(imported)
    assert metrics["impressions"] + metrics["skipped"] == 300
    assert 0 < metrics["auc"] < 1


def test_an_imported_run_goes_on_training(imported, demo_folder, vectors_of_20):
    data = ["data=ebnerd", f"data.path={demo_folder}", f"data.vectors={vectors_of_20}"]
    run_script("train", f"resume={imported}", *data, "trainer.max_epochs=1")
    assert (imported / "learning_curve.png").is_file()
