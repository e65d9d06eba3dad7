"""The standard variant's start is measured as an epoch of its own."""

import pytest
import torch
from run_script import metrics_of, run_script, small

pytestmark = pytest.mark.slow


def test_training_that_makes_it_worse_leaves_the_start_the_best(demo_folder, tmp_path):
    bad = ["training.learning_rate=0.5", "trainer.max_epochs=1", "logger=none"]
    run, still = tmp_path / "run", tmp_path / "still"
    printed = run_script("train", *small("nrms_docvec", demo_folder), *bad, f"run={run}")
    run_script(
        "train",
        *small("nrms_docvec", demo_folder),
        *("training.learning_rate=1e-12", "trainer.max_epochs=1", f"run={still}"),
    )
    best, last = (
        torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)
        for name in ("best", "last")
    )
    assert best["global_step"] == 0
    assert last["global_step"] > 0
    start = metrics_of(run)["auc"]
    (line,) = (line for line in printed.splitlines() if line.lstrip().startswith("start"))
    assert line.split() == ["start", f"{start:.4f}", f"{start:.4f}"]
    assert abs(start - metrics_of(still)["auc"]) < 1e-4
