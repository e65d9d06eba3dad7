"""The race with the live TensorFlow reference, small: 200 steps, then a ranking."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip(
    "tensorflow", reason="TensorFlow is not installed: pip install 'nrms-torch[parity]'"
)
import json

import torch
from hydra import compose, initialize_config_dir
from run_script import run_script

from nrms_tf_reference.parity.race import draw_impressions, run_race
from nrms_tf_reference.parity.tolerances import (
    RACE_LOSS,
    RACE_LOSS_IN_FLOAT64,
    RACE_WEIGHT_IN_FLOAT64,
)
from nrms_torch.data.demo.generate import generate
from nrms_torch.errors import InputError
from nrms_torch.training.assemble import for_training

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")

CONFIGS = Path(__file__).parents[2] / "configs"
STEPS = 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("race") / "data"
    generate(folder, impressions=300)
    return folder


def overrides(model, folder, *more):
    own = {
        "nrms": ["model.title_size=6", "model.embedding_size=12", "data.text_columns=[title]"],
        "nrms_docvec": [
            "model.newsencoder_units_per_layer=[16,16]",
            f"data.vectors={folder}/document_vectors.parquet",
        ],
    }
    return [
        f"model={model}",
        f"data.path={folder}",
        "data.batch_size=16",
        "model.history_size=5",
        "model.head_num=2",
        "model.head_dim=6",
        "model.attention_hidden_dim=8",
        f"steps={STEPS}",
        "impressions=40",
        *own[model],
        *more,
    ]


def race_of(model, folder, *more):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return run_race(compose("parity_race", overrides=overrides(model, folder, *more)))


def misses(race):
    return {check.what for check in race.checks if not check.passed}


@pytest.mark.parametrize(("model", "start"), [("nrms", "reference"), ("nrms_docvec", "ours")])
def test_two_hundred_steps_keep_together_and_rank_alike(folder, model, start):
    race = race_of(model, folder, f"start={start}", "training.learning_rate=1e-3")
    assert misses(race) == set()
    assert len(race.losses) == len(race.reference_losses) == STEPS
    assert np.mean(race.losses[-20:]) < np.mean(race.losses[:20])  # they went somewhere
    (ranked,) = (check for check in race.checks if check.what.startswith("pairs swapped"))
    assert "in 40 impressions" in ranked.note


@pytest.mark.parametrize(("model", "start"), [("nrms", "ours"), ("nrms_docvec", "reference")])
def test_without_rounding_nothing_is_left_of_the_difference(folder, model, start):
    race = race_of(model, folder, f"start={start}", "precision=float64", "steps=60")
    assert misses(race) == set()
    assert np.abs(race.losses - race.reference_losses).max() < RACE_LOSS_IN_FLOAT64
    (weights,) = (check for check in race.checks if check.what == "final weights")
    assert weights.difference < RACE_WEIGHT_IN_FLOAT64


def test_torchs_own_adam_loses_the_race(folder, monkeypatch):
    monkeypatch.setattr("nrms_torch.training.lightning_module.KerasAdam", torch.optim.Adam)
    race = race_of("nrms", folder, "steps=50", "training.learning_rate=1e-2")
    assert "losses" in misses(race)


def test_the_reference_differs_from_itself_where_rows_come_in_another_order(folder):
    race = race_of("nrms_docvec", folder, "reversed=true", "steps=20")
    (itself,) = (check for check in race.checks if check.what.endswith("against itself"))
    assert itself.verdict == "shown"
    assert 0 < itself.difference < RACE_LOSS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("steps=0", "steps: expected an integer of at least 1"),
        ("impressions=none", "impressions: expected an integer"),
        ("start=both", "start: 'both' is none of ours, reference"),
        ("model.dropout=0.2", r"model\.dropout: expected 0, found 0\.2"),
        ("model.variant=standard", r"model\.variant: found standard; expected baseline"),
    ],
)
def test_a_race_that_cannot_be_is_refused(folder, change, message):
    with pytest.raises(InputError, match=message):
        race_of("nrms", folder, change)


def test_the_command_writes_its_numbers_and_a_picture(folder, tmp_path):
    printed = run_script(
        "parity_race",
        *overrides("nrms_docvec", folder, f"output={tmp_path}", "steps=5", "impressions=9"),
    )
    assert "0 missed" in printed
    report = json.loads((tmp_path / "race.json").read_text())
    assert len(report["losses"]) == len(report["reference_losses"]) == 5
    assert report["settings"]["steps"] == 5
    assert {row["verdict"] for row in report["checks"]} == {"pass", "shown"}
    assert (tmp_path / "race.png").read_bytes().startswith(b"\x89PNG")


def test_impressions_are_drawn_whole(folder):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("parity_race", overrides=overrides("nrms_docvec", folder))
    datamodule, _ = for_training(config, vocabulary=None)
    whole = datamodule.impressions("validation")
    some = draw_impressions(whole, 10, seed=1)
    assert len(some) == 10
    for i, id_ in enumerate(some.impression_ids):
        (j,) = np.flatnonzero(whole.impression_ids == id_)
        theirs = slice(*whole.offsets[j : j + 2])
        ours = slice(*some.offsets[i : i + 2])
        np.testing.assert_array_equal(some.candidates[ours], whole.candidates[theirs])
        assert some.history_index[i] == whole.history_index[j]
    assert len(draw_impressions(whole, 10**6, seed=1)) == len(whole)
