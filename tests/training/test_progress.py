"""What a training tells as it goes."""

import signal
import subprocess
import sys

import torch
from run_script import ROOT, TIMEOUT_S, small


def test_a_line_an_epoch_is_printed_and_kept(trained, capsys):
    lines = (trained / "epochs.txt").read_text().splitlines()
    assert lines[0].startswith("validation AUC of simple rankings: random 0.")
    assert "centred cosine 0." in lines[0]
    assert lines[1].split() == ["epoch", "loss", "val", "AUC", "best", "took", "left"]
    epochs = [line.split() for line in lines[2:] if "/" in line.split()[0]]
    assert [epoch[0] for epoch in epochs] == ["1/2", "2/2"]
    best = torch.load(trained / "checkpoints" / "last.ckpt", weights_only=True)["callbacks"]
    assert max(float(epoch[2]) for epoch in epochs) <= float(epochs[-1][3])
    assert f"{best['EpochLines']['best']:.4f}" == epochs[-1][3]


def test_who_stops_a_training_is_told_how_to_go_on(demo_folder, tmp_path):
    run = tmp_path / "run"
    words = [*small("nrms_docvec", demo_folder), f"run={run}", "trainer.max_epochs=1000"]
    program = [sys.executable, "-m", "nrms_torch", "train", *words]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.lstrip().startswith("1/1000"):
                break
        process.send_signal(signal.SIGINT)
        told = process.stdout.read()
        assert process.wait(TIMEOUT_S) != 0
    assert f"stopped; to go on: nrms train resume={run}" in told
    assert (run / "checkpoints" / "last.ckpt").is_file()
