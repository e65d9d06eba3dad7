"""Every kind of mistake a user makes: one line that says what and where, and exit status 2."""

import shutil

import polars as pl
import pytest
from run_script import assert_one_line, run_script, small


@pytest.fixture
def folder(tmp_path, demo_folder):
    """A data folder that a test may break."""
    return shutil.copytree(demo_folder, tmp_path / "data")


def rewrite(file, change):
    change(pl.read_parquet(file)).write_parquet(file)


def drop(split, column):
    def breaking(folder):
        rewrite(folder / split / "behaviors.parquet", lambda table: table.drop(column))

    return breaking


def truncate(name):
    def breaking(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return breaking


def remove(name):
    def breaking(folder):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return breaking


def change(name, **columns):
    def breaking(folder):
        rewrite(folder / name, lambda table: table.with_columns(**columns))

    return breaking


def empty(name):
    def breaking(folder):
        rewrite(folder / name, lambda table: table.clear())

    return breaking


BROKEN_DATA = {
    "no behaviours": (remove("train/behaviors.parquet"), "train/behaviors.parquet"),
    "no history": (remove("validation/history.parquet"), "validation/history.parquet"),
    "no train split": (remove("train"), "train"),
    "no validation split": (remove("validation"), "validation"),
    "no candidates column": (drop("train", "article_ids_inview"), "article_ids_inview"),
    "no clicks to train on": (drop("train", "article_ids_clicked"), "no clicks"),
    "no clicks to validate on": (drop("validation", "article_ids_clicked"), "no labels"),
    "truncated behaviours": (truncate("train/behaviors.parquet"), "train/behaviors.parquet"),
    "truncated vectors": (truncate("document_vectors.parquet"), "document_vectors.parquet"),
    "no impressions": (empty("train/behaviors.parquet"), "train/behaviors.parquet"),
    "no vectors": (empty("document_vectors.parquet"), "document_vectors.parquet"),
    "click not in view": (
        change("train/behaviors.parquet", article_ids_clicked=pl.lit([1], pl.List(pl.Int32))),
        "article_ids_clicked",
    ),
    "history of numbers, not lists": (
        change("train/history.parquet", article_id_fixed=pl.lit(5)),
        "article_id_fixed",
    ),
    "candidates as text": (
        change("train/behaviors.parquet", article_ids_inview=pl.lit("1 2 3")),
        "article_ids_inview",
    ),
    "vectors of text ids": (
        change("document_vectors.parquet", article_id=pl.col("article_id").cast(pl.String)),
        "article ids",
    ),
    "a vector of another width": (
        change(
            "document_vectors.parquet",
            document_vector=pl.col("document_vector").list.head(
                pl.when(pl.int_range(pl.len()) == 7).then(3).otherwise(64)
            ),
        ),
        "document_vector",
    ),
}

BROKEN_SETTINGS = {
    "another format": ("data.format=csv", "data.format"),
    "no rows in a batch": ("data.batch_size=0", "data.batch_size"),
    "a half negative": ("data.npratio=0.5", "data.npratio"),
    "an unknown sampling": ("data.sampling=sometimes", "data.sampling"),
    "an unknown variant": ("model.variant=paper", "model.variant"),
    "no heads": ("model.head_num=0", "model.head_num"),
    "a field of the other variant": ("model.dropout=0.1", "model.dropout"),
    "an unknown loss": ("training.loss=mse", "training.loss"),
    "a learning rate of text": ("training.learning_rate=fast", "training.learning_rate"),
    "vectors that are nowhere": ("data.vectors=nowhere.parquet", "nowhere.parquet"),
    "data that is nowhere": ("data.path=nowhere", "nowhere"),
    "a run that is none": ("resume=nowhere", "nowhere"),
    "a seed of text": ("seed=lucky", "seed"),
    "a title of no tokens": ("+model.title_size=-1", "model.title_size"),
    "a precision that metrics cannot keep": ("trainer.precision=16-true", "trainer.precision"),
    "an accelerator that is none": ("trainer.accelerator=abacus", "abacus"),
    "no devices": ("trainer.devices=0", "devices"),
    "a path that is missing": ("data.path=???", "data.path"),
}


@pytest.mark.parametrize(("breaking", "what"), BROKEN_DATA.values(), ids=BROKEN_DATA)
def test_broken_data_is_told_in_one_line(call, folder, tmp_path, breaking, what):
    breaking(folder)
    status, error = call("train", *small("nrms_docvec", folder), f"run={tmp_path}/run")
    assert_one_line(status, error, what)
    assert not (tmp_path / "run").exists(), "a run that cannot begin leaves no folder"


@pytest.mark.parametrize(("setting", "what"), BROKEN_SETTINGS.values(), ids=BROKEN_SETTINGS)
def test_a_broken_setting_is_told_in_one_line(call, demo_folder, tmp_path, setting, what):
    overrides = [*small("nrms_docvec", demo_folder), f"run={tmp_path}/run", setting]
    assert_one_line(*call("train", *overrides), what)


def test_a_run_folder_in_use_is_left_alone(call, demo_folder, tmp_path):
    kept = tmp_path / "run" / "notes.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    overrides = [*small("nrms_docvec", demo_folder), f"run={kept.parent}"]
    assert_one_line(*call("train", *overrides), "is not empty")
    assert [file.name for file in kept.parent.iterdir()] == ["notes.txt"]


def test_a_transformer_that_is_nowhere_is_told_in_one_line(call, demo_folder, tmp_path):
    overrides = [
        *small("nrms", demo_folder),
        f"run={tmp_path}/run",
        "data.transformer=no/such/model",
    ]
    assert_one_line(*call("train", *overrides), "data.transformer")


def test_nrms_without_articles_says_what_it_needs(call, folder, tmp_path):
    (folder / "articles.parquet").unlink()
    status, error = call("train", *small("nrms", folder), f"run={tmp_path}/run")
    assert_one_line(status, error, "no articles file")


@pytest.mark.parametrize(
    ("overrides", "what"),
    [
        (["split=bogus"], "bogus"),
        (["data.path=nowhere", "data.vectors=nowhere.parquet"], "nowhere"),
        (["data.vectors=nowhere.parquet"], "nowhere.parquet"),
    ],
)
def test_evaluation_of_what_is_not_there_is_told_in_one_line(call, trained, overrides, what):
    assert_one_line(*call("evaluate", f"run={trained}", *overrides), what)


def test_vectors_of_another_width_than_the_model_was_trained_on(call, trained, folder):
    file = folder / "document_vectors.parquet"
    rewrite(file, lambda table: table.with_columns(pl.col("document_vector").list.head(3)))
    error = call("evaluate", f"run={trained}", f"data.vectors={file}")
    assert_one_line(*error, "width 3")


def test_other_data_needs_vectors_of_its_own(call, trained, folder):
    assert_one_line(*call("evaluate", f"run={trained}", f"data.path={folder}"), "data.vectors")


def test_a_run_whose_vocabulary_is_gone_is_refused(call, trained_nrms, tmp_path):
    run = shutil.copytree(trained_nrms, tmp_path / "run")
    shutil.rmtree(run / "vocabulary")
    assert_one_line(*call("evaluate", f"run={run}"), "vocabulary")


def test_a_damaged_checkpoint_is_told_in_one_line(call, trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    checkpoint = run / "checkpoints" / "best.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    assert_one_line(*call("evaluate", f"run={run}"), "best.ckpt")


def test_a_batch_that_ranks_cannot_share_leaves_no_run(call, demo_folder, tmp_path):
    overrides = [*small("nrms_docvec", demo_folder), f"run={tmp_path}/run"]
    error = call("train", *overrides, "data.batch_size=31", "trainer.devices=2")
    assert_one_line(*error, "data.batch_size")
    assert not (tmp_path / "run").exists()


def test_vectors_of_no_article_in_view_are_refused(call, folder, tmp_path):
    others = pl.col("article_id") + 1_000_000
    change("document_vectors.parquet", article_id=others)(folder)
    error = call("train", *small("nrms_docvec", folder), f"run={tmp_path}/run")
    assert_one_line(*error, "no candidate of train")


def test_clicks_without_negatives_cannot_be_measured(call, folder, tmp_path):
    change("validation/behaviors.parquet", article_ids_clicked=pl.col("article_ids_inview"))(folder)
    error = call("train", *small("nrms_docvec", folder), f"run={tmp_path}/run")
    assert_one_line(*error, "no impression of validation")


def test_metrics_cannot_replace_a_folder(call, trained, tmp_path):
    assert_one_line(*call("evaluate", f"run={trained}", f"metrics={tmp_path}"), "is a folder")


def test_a_split_without_labels_has_nothing_to_measure(call, trained, folder):
    drop("test", "article_ids_clicked")(folder)
    vectors = folder / "document_vectors.parquet"
    data = [f"data.path={folder}", f"data.vectors={vectors}"]
    error = call("evaluate", f"run={trained}", *data, "split=test")
    assert_one_line(*error, "has no labels")


def test_a_command_of_its_own_ends_with_one_line_and_status_2():
    assert run_script("evaluate", "run=nowhere", status=2).count("\n") == 1
