import json
import re
import signal
import subprocess
import time

import polars as pl
import pytest
import torch
from run_script import ROOT, TIMEOUT_S, metrics_of, run_script, script, small

KEYS = {
    "split",
    "auc",
    "mrr",
    "reciprocal_rank",
    "ndcg@5",
    "ndcg@10",
    "impressions",
    "skipped",
    "unknown_articles",
    "intervals",
    "simple",
    "by_history_length",
}


def last_checkpoint(run):
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)


def weights(run):
    return last_checkpoint(run)["state_dict"]


def step_losses(run):
    (file,) = run.glob("csv/*/metrics.csv")
    return pl.read_csv(file)["train/loss_step"].drop_nulls().to_torch()


def assert_same_weights(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def wait_for_checkpoint(run, process):
    deadline = time.monotonic() + TIMEOUT_S
    while not (run / "checkpoints" / "last.ckpt").is_file():
        assert process.poll() is None, "the run ended before its first checkpoint"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_run_is_a_folder_with_all_that_it_made(trained):
    assert set(metrics_of(trained)) == KEYS
    assert metrics_of(trained)["impressions"] + metrics_of(trained)["skipped"] == 300
    for name in (
        "config.yaml",
        "calibration.json",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
    ):
        assert (trained / name).is_file()
    assert (trained / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert "val/auc" in next(trained.glob("csv/*/metrics.csv")).read_text()
    assert not (trained / "vocabulary").exists()


def test_nrms_keeps_its_vocabulary_in_the_run(trained_nrms):
    assert (trained_nrms / "vocabulary" / "tokenizer.json").is_file()
    assert set(metrics_of(trained_nrms)) == KEYS


def test_the_baseline_learns(demo_folder, tmp_path):
    untrained, trained = tmp_path / "untrained", tmp_path / "trained"
    overrides = small("nrms_docvec", demo_folder, "baseline")
    run_script("train", *overrides, f"run={trained}")
    overrides += ["training.learning_rate=1e-12"]
    run_script("train", *overrides, "trainer.max_epochs=1", f"run={untrained}")
    assert metrics_of(trained)["auc"] > metrics_of(untrained)["auc"] + 0.05


def test_a_killed_run_resumes_inside_its_epoch_to_the_same_weights(demo_folder, tmp_path):
    command = [*small("nrms_docvec", demo_folder), "callbacks.last.every_n_train_steps=3"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run_script("train", *command, f"run={whole}")
    process = subprocess.Popen(
        [*script("train"), *command, f"run={killed}"], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    wait_for_checkpoint(killed, process)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "metrics.json").exists()
    run_script("train", f"resume={killed}")
    assert_same_weights(weights(whole), weights(killed))
    assert metrics_of(whole) == metrics_of(killed)


@pytest.mark.parametrize(
    ("steps", "more"),
    [(4, []), (6, []), (3, ["trainer.accumulate_grad_batches=2"])],
    ids=["inside an epoch", "at its end", "at its end, of steps of two batches"],
)
def test_a_run_in_stages_of_steps_ends_with_the_weights_of_one(demo_folder, tmp_path, steps, more):
    own = ["data.batch_size=256", "trainer.max_epochs=-1", *more]  # 6 batches an epoch
    command = [*small("nrms_docvec", demo_folder), *own]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run_script("train", *command, f"run={whole}", "trainer.max_steps=8")
    run_script("train", *command, f"run={parts}", f"trainer.max_steps={steps}")
    assert last_checkpoint(parts)["global_step"] == steps
    assert metrics_of(parts)["auc"] > 0, "what was trained has been measured"
    run_script("train", f"resume={parts}", "trainer.max_steps=8")
    assert last_checkpoint(parts)["global_step"] == 8
    assert_same_weights(weights(whole), weights(parts))


def test_a_dry_run_trains_and_leaves_nothing(demo_folder, tmp_path):
    run = tmp_path / "run"
    command = [*small("nrms_docvec", demo_folder), f"run={run}", "+trainer.fast_dev_run=true"]
    assert "a dry run of 1 steps" in run_script("train", *command)
    assert not run.exists()


def test_a_run_resumed_with_more_epochs_keeps_its_other_settings(demo_folder, tmp_path):
    own = ["trainer.precision=bf16-mixed", "trainer.gradient_clip_val=0.01"]
    command = [*small("nrms_docvec", demo_folder), "data.batch_size=256", *own]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run_script("train", *command, f"run={whole}", "trainer.max_epochs=2")
    run_script("train", *command, f"run={parts}", "trainer.max_epochs=1")
    run_script("train", f"resume={parts}", "trainer.max_epochs=2")
    assert_same_weights(weights(whole), weights(parts))


def test_a_run_without_progress_resumes_to_the_same_learning_rate(demo_folder, tmp_path):
    # Nothing improves at this rate, so the plateau's patience runs out, and then early stopping's.
    command = [
        *small("nrms", demo_folder),
        "training.learning_rate=1e-7",
        "training.min_learning_rate=0",
        "trainer.max_epochs=9",
    ]
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    run_script("train", *command, f"run={whole}")
    run_script("train", *command, f"run={parted}", "trainer.max_epochs=2")
    run_script("train", f"resume={parted}", "trainer.max_epochs=9")
    assert_same_weights(weights(whole), weights(parted))
    one, other = (last_checkpoint(run) for run in (whole, parted))
    assert one["lr_schedulers"] == other["lr_schedulers"]
    assert one["lr_schedulers"][0]["_last_lr"][0] < 1e-7
    assert one["epoch"] == other["epoch"] == 4
    run_script("train", f"resume={parted}", "trainer.max_epochs=9")
    assert last_checkpoint(parted)["epoch"] == 4, "a run that stopped early stays stopped"


def test_a_resumed_run_may_not_learn_otherwise(demo_folder, trained):
    message = run_script("train", "training.learning_rate=1e-2", f"resume={trained}", status=2)
    assert message.startswith("error: training.learning_rate: 0.01 differs from 0.001")
    assert message.count("\n") == 1


@pytest.mark.parametrize("variant", ["standard", "baseline"])
@pytest.mark.parametrize("model", ["nrms", "nrms_docvec"])
def test_two_processes_train_as_one(demo_folder, tmp_path, model, variant):
    # Without dropout, whose draws differ by rank; BatchNorm's statistics are those of all ranks.
    command = [
        *small(model, demo_folder, variant),
        *(["model.dropout=0"] if variant == "baseline" else []),
        "trainer.max_epochs=1",
        # Whole batches only: the last one lacks the row that two ranks cannot share.
        "trainer.limit_train_batches=10",
        "trainer.log_every_n_steps=1",
    ]
    one, two = tmp_path / "one", tmp_path / "two"
    run_script("train", *command, f"run={one}")
    run_script("train", *command, f"run={two}", "trainer.devices=2")
    torch.testing.assert_close(step_losses(two), step_losses(one), rtol=0, atol=1e-5)
    assert metrics_of(two)["impressions"] == metrics_of(one)["impressions"]
    assert metrics_of(two)["auc"] == pytest.approx(metrics_of(one)["auc"], abs=1e-3)


def test_a_simple_profile_is_kept_in_the_run_folder(demo_folder, tmp_path):
    run = profiled(demo_folder, tmp_path, "simple")
    assert "NRMSModule.optimizer_step" in (run / "fit-profile.txt").read_text()


def test_a_trace_of_the_operators_is_kept_in_the_run_folder(demo_folder, tmp_path):
    run = profiled(demo_folder, tmp_path, "pytorch")
    assert "aten::mm" in (run / "training-operators.txt").read_text()
    events = json.loads((run / "training-trace.json").read_text())["traceEvents"]
    steps = {event["name"] for event in events if event["name"].startswith("ProfilerStep#")}
    assert len(steps) == 3
    shares = (run / "training-shares.txt").read_text()
    parts = dict(re.findall(r"^  (loader|forward|backward|optimizer) +([\d.]+)%$", shares, re.M))
    assert len(parts) == 4
    assert 50 < sum(map(float, parts.values())) <= 100.5
    assert "calls a step" in shares


def test_an_unknown_profiler_is_told_in_one_line(demo_folder, tmp_path):
    command = [*small("nrms", demo_folder), "trainer.profiler=magic", f"run={tmp_path / 'run'}"]
    message = run_script("train", *command, status=2)
    assert message == "error: trainer.profiler: 'magic' is none of simple, pytorch, null\n"


def profiled(folder, tmp_path, profiler):
    run = tmp_path / "run"
    command = [*small("nrms", folder), "trainer.max_epochs=1", f"trainer.profiler={profiler}"]
    run_script("train", *command, f"run={run}")
    return run
