"""What a training tells as it goes."""

import torch


def test_a_line_an_epoch_is_kept(trained):
    lines = (trained / "epochs.txt").read_text().splitlines()
    assert lines[0].startswith("validation AUC of simple rankings: random 0.")
    assert "centred cosine 0." in lines[0]
    assert lines[1].split() == ["epoch", "loss", "val", "AUC", "best", "took", "left"]
    epochs = [line.split() for line in lines[2:] if "/" in line.split()[0]]
    assert [epoch[0] for epoch in epochs] == ["1/2", "2/2"]
    best = torch.load(trained / "checkpoints" / "last.ckpt", weights_only=True)["callbacks"]
    assert max(float(epoch[2]) for epoch in epochs) <= float(epochs[-1][3])
    assert f"{best['EpochLines']['best']:.4f}" == epochs[-1][3]
