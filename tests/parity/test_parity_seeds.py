"""Trainings of both sides on several seeds, and the test of their AUCs."""

import json
from pathlib import Path

import pytest

pytest.importorskip(
    "tensorflow", reason="TensorFlow is not installed: pip install 'nrms-torch[parity]'"
)
import torch
from hydra import compose, initialize_config_dir
from run_script import small

from nrms_tf_reference.parity.rules import stand_ins
from nrms_tf_reference.parity.seeds import SeedRun, run_seeds, welch
from nrms_tf_reference.parity.seeds_report import print_seeds
from nrms_torch.data.demo.generate import generate
from nrms_torch.errors import InputError
from nrms_torch.training.assemble import for_training

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds") / "data"
    generate(folder, impressions=1_500)
    return folder


def config_of(folder, *more):
    overrides = [
        "data=ebnerd",
        *(
            override
            for override in small("nrms_docvec", folder, "baseline")
            if "generate" not in override
        ),
        f"data.vectors={folder}/document_vectors.parquet",
        "training.learning_rate=3e-3",
        "seeds=[1,2]",
        "sides=[ours,ours_per_copy,reference]",
        *more,
    ]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose("parity_seeds", overrides=overrides)


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    file = tmp_path_factory.mktemp("runs") / "seeds.json"
    told = []
    return file, run_seeds(config_of(folder), file, told.append), told


def test_both_sides_learn_on_every_seed(trained):
    file, runs, told = trained
    assert [(run.side, run.seed) for run in runs] == [
        (side, seed) for seed in (1, 2) for side in ("ours", "ours_per_copy", "reference")
    ]
    assert told == runs
    for run in runs:
        assert len(run.losses) == len(run.aucs) == 2
        assert run.losses[1] < run.losses[0]
        assert run.aucs[1] > 0.58  # popularity has .52
    assert len({run.losses[1] for run in runs}) == 6  # no two are one training
    content = json.loads(file.read_text())
    assert [SeedRun(**run) for run in content["runs"]] == runs
    assert content["welch"].keys() == {"ours", "ours_per_copy"}


def test_what_is_trained_is_not_trained_again(trained, folder):
    file, runs, _ = trained
    told = []
    assert run_seeds(config_of(folder), file, told.append) == runs
    assert told == []


@pytest.mark.parametrize(
    "other",
    [
        "model.dropout=0.1",
        "trainer.max_epochs=3",
        "trainer.precision=bf16-mixed",
        "trainer.limit_train_batches=2",
        "trainer.accumulate_grad_batches=2",
        "+trainer.overfit_batches=1",
    ],
)
def test_results_of_other_settings_are_not_added_to(trained, folder, other):
    before = trained[0].read_text()
    with pytest.raises(InputError, match="holds results of other settings"):
        run_seeds(config_of(folder, other), trained[0], print)
    assert trained[0].read_text() == before


def test_what_decides_no_number_is_free(trained, folder):
    file, runs, _ = trained
    assert "trainer" not in json.loads(file.read_text())["settings"], "so older files are read"
    assert run_seeds(config_of(folder, "trainer.log_every_n_steps=5"), file, print) == runs


def test_a_file_of_something_else_is_refused(folder, tmp_path):
    file = tmp_path / "seeds.json"
    file.write_text("{}")
    with pytest.raises(InputError, match=r"seeds\.json: damaged"):
        run_seeds(config_of(folder), file, print)


@pytest.mark.parametrize(
    "wrong", ["seeds=[]", "seeds=[1,x]", "seeds=[1,1]", "seeds=one", "sides=[ours,theirs]"]
)
def test_seeds_and_sides_that_are_none_are_refused(folder, tmp_path, wrong):
    with pytest.raises(InputError, match=f"{wrong[:5]}: "):
        run_seeds(config_of(folder, wrong), tmp_path / "seeds.json", print)


def test_a_dropout_for_each_copy_changes_nothing_where_there_is_none(folder):
    _, module = for_training(config_of(folder, "model.dropout=0"), vocabulary=None)
    history, candidates = torch.tensor([[1, 1, 0, 2]]), torch.tensor([[2, 3, 3]])
    once = module.model(module.table, history, candidates)
    with stand_ins.calls():
        torch.testing.assert_close(module.model(module.table, history, candidates), once)


def runs_of(**aucs):
    return [
        SeedRun(side, seed, [1.0], [auc], 0.0)
        for side, values in aucs.items()
        for seed, auc in enumerate(values, start=1)
    ]


def test_welchs_test_is_that_of_the_textbook():
    test = welch(runs_of(ours=[1.0, 2.0, 3.0], reference=[2.0, 4.0, 6.0, 8.0]), "ours")
    assert test.t == pytest.approx(-3 / 2**0.5)
    assert test.degrees_of_freedom == pytest.approx(4 / ((1 / 3) ** 2 / 2 + (5 / 3) ** 2 / 3))
    assert 0.05 < test.p < 0.2


def test_the_table_tells_whether_the_means_differ(capsys):
    print_seeds(runs_of(ours=[0.53, 0.54], reference=[0.54, 0.53]))
    assert "do not differ significantly" in capsys.readouterr().out
    print_seeds(runs_of(ours=[0.53, 0.531, 0.532], reference=[0.63, 0.631, 0.632]))
    printed = capsys.readouterr().out
    assert "the means of ours and reference differ: Welch's t = -" in printed
    assert "0.6320" in printed
