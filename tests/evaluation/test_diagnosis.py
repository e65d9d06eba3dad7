"""Runs and data made bad on purpose, each in one way, are told so; sound ones are left alone."""

import shutil

import lightning as L
import polars as pl
import pytest
from omegaconf import OmegaConf
from run_script import run_script, small

from nrms_torch.evaluation.expected import expected_auc
from nrms_torch.training.assemble import for_evaluation
from nrms_torch.training.diagnose import diagnose_run
from nrms_torch.training.run_folder import RunFolder

pytestmark = pytest.mark.slow

OF_DATA = {
    "join",
    "unknown_articles",
    "join_histories",
    "short_histories",
    "labels_missing",
    "order_leaks",
    "history_leaks",
    "one_direction",
}
CLICKED, INVIEW, HISTORY = "article_ids_clicked", "article_ids_inview", "article_id_fixed"


def diagnosis(run, **data):
    """Diagnose a run on its own data, or on other data: sentences by their short names."""
    folder = RunFolder.open(str(run))
    datamodule, module = for_evaluation(folder, OmegaConf.create(data))
    trainer = L.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    found = diagnose_run(trainer, module, datamodule, folder, split="validation")
    assert found[0].name == "verdict"
    return {finding.name: finding for finding in found}


@pytest.fixture(scope="module")
def run(exported):
    """A baseline run that reads vectors, of random weights."""
    return exported("nrms_docvec")[0]


@pytest.fixture
def changed(demo_folder, tmp_path):
    """Copy the data, change a table of its validation split, and give what names the copy."""

    def changed(name, change, folder="validation"):
        copy = tmp_path / "changed"
        shutil.copytree(demo_folder, copy, ignore=shutil.ignore_patterns(".prepared"))
        file = copy / folder / f"{name}.parquet"
        change(pl.read_parquet(file)).write_parquet(file)
        vectors = str(copy / "document_vectors.parquet")
        return {"path": str(copy), "vectors": vectors, "unknown_share": 1.0}

    return changed


def only(findings, name, *words):
    """Check that of all that can be wrong with data this alone is told, in these words."""
    assert set(findings) & OF_DATA == {name}
    for word in words:
        assert word in findings[name].sentence
    assert not findings[name].is_good


def test_sound_data_is_left_alone(run):
    assert not set(diagnosis(run)) & OF_DATA


def test_history_ids_that_do_not_join(run, changed):
    data = changed(
        "history", lambda t: t.with_columns(pl.col(HISTORY).list.eval(pl.element() + 9**8))
    )
    only(diagnosis(run, **data), "join", "100%", "ids do not join")


def test_some_unknown_articles(run, changed):
    data = changed(
        "document_vectors", lambda t: t.filter(pl.int_range(pl.len()) % 4 > 0), folder="."
    )
    only(diagnosis(run, **data), "unknown_articles", "unknown articles")


def test_readers_that_do_not_join(run, changed):
    shifted = pl.col("user_id") + 10_000_000
    data = changed("behaviors", lambda t: t.with_columns(shifted))
    only(diagnosis(run, **data), "join_histories", "100% of the impressions", "without a history")


def test_histories_that_are_short(run, changed):
    data = changed("history", lambda t: t.with_columns(pl.col(HISTORY).list.tail(1)))
    only(diagnosis(run, **data), "short_histories", "at most 2 known clicks")


def test_labels_that_are_mostly_missing(run, changed):
    some = pl.when(pl.int_range(pl.len()) % 10 > 6).then(CLICKED)
    data = changed("behaviors", lambda t: t.with_columns(some.alias(CLICKED)))
    only(diagnosis(run, **data), "labels_missing", "70% of the impressions", "labels whole")


@pytest.mark.parametrize("place", ["first", "last"])
def test_an_order_that_tells_the_click(run, changed, place):
    others = pl.col(INVIEW).list.set_difference(CLICKED)
    lists = [CLICKED, others] if place == "first" else [others, CLICKED]
    data = changed("behaviors", lambda t: t.with_columns(pl.concat_list(lists).alias(INVIEW)))
    only(diagnosis(run, **data), "order_leaks", f"listed {place}", "1.000")


def test_histories_that_hold_what_is_to_be_foretold(run, changed, demo_folder):
    behaviors = pl.read_parquet(demo_folder / "validation" / "behaviors.parquet")
    clicks = behaviors.group_by("user_id").agg(pl.col(CLICKED).explode())
    longer = pl.concat_list(HISTORY, pl.col(CLICKED).fill_null([])).alias(HISTORY)

    def with_clicks(histories):
        return histories.join(clicks, "user_id", "left").with_columns(longer).drop(CLICKED)

    only(diagnosis(run, **changed("history", with_clicks)), "history_leaks", "own history")


def test_vectors_of_one_direction(run, changed):
    offset = pl.col("document_vector").list.eval(pl.element() + 3)
    data = changed("document_vectors", lambda t: t.with_columns(offset), folder=".")
    only(diagnosis(run, **data), "one_direction", "point one way", "Subtract their mean")


def train(demo_folder, run, *overrides):
    command = [*small("nrms_docvec", demo_folder, "baseline"), "callbacks.early_stopping=null"]
    run_script("train", *command, f"run={run}", *overrides)
    return diagnosis(run)


@pytest.fixture(scope="module")
def baseline(demo_folder, tmp_path_factory):
    """A small NRMSDocVec of the baseline variant, which starts from nothing."""
    run = tmp_path_factory.mktemp("baseline") / "run"
    run_script("train", *small("nrms_docvec", demo_folder, "baseline"), f"run={run}")
    return run


def test_a_run_of_too_few_epochs_ranks_worse_than_the_cosine_and_is_told_both(baseline):
    found = diagnosis(baseline)
    assert "% of the way from chance" in found["verdict"].sentence
    assert "worse than" in found["simple"].sentence
    assert "still rising" in found["few_epochs"].sentence
    assert not {"overfitting", "learning_rate_high"} & set(found)


def test_padding_that_carries_the_score(baseline):
    found = diagnosis(baseline)["padding"]
    assert "Readers of 2 clicks are ranked for nearly as readers of none" in found.sentence
    assert "model.variant=standard" in found.sentence


@pytest.mark.parametrize(
    ("rate", "name", "words"),
    [
        ("0.3", "learning_rate_high", "learning rate is too high"),
        ("1e-8", "learning_rate_low", "almost nothing was learnt"),
    ],
)
def test_a_wrong_learning_rate(demo_folder, tmp_path, rate, name, words):
    found = train(demo_folder, tmp_path / "run", f"training.learning_rate={rate}")
    assert words in found[name].sentence
    assert not {"learning_rate_high", "learning_rate_low"} - {name} & set(found)


def test_a_run_that_overfits(changed, tmp_path):
    few = changed("behaviors", lambda table: table.head(200), folder="train")
    more = [
        *("training.learning_rate=3e-3", "training.plateau_patience=50", "data.batch_size=32"),
        *("trainer.max_epochs=20", "model.dropout=0"),
    ]
    found = train(few["path"], tmp_path / "run", *more, f"data.vectors={few['vectors']}")
    assert "it overfits" in found["overfitting"].sentence
    assert not {"few_epochs", "learning_rate_high", "learning_rate_low"} & set(found)


def test_the_command_prints_a_sentence_for_each_finding(baseline):
    printed = run_script("diagnose", f"run={baseline}")
    lines = " ".join(printed.split())
    assert "✗ The AUC is 0." in lines
    assert "✗ It ranks worse than centred cosine" in lines


def test_what_is_usual_goes_by_the_format_and_the_size():
    assert expected_auc("mind", 150_000).low == 0.63
    assert expected_auc("mind", 3_000).high == 0.66
    assert expected_auc("ebnerd", 230_000).low == 0.56
    assert expected_auc("ebnerd", 20_000) is None
