"""What a run's callbacks keep in its checkpoints."""

import torch

from nrms_torch.training.callbacks import MovableCheckpoint


def test_a_run_whose_folder_has_moved_still_knows_its_best_score(tmp_path):
    here, there = (
        MovableCheckpoint(dirpath=tmp_path / name, monitor="val/auc", mode="max")
        for name in ("here", "there")
    )
    here.best_model_score = torch.tensor(0.75)
    here.best_model_path = str(tmp_path / "here" / "best.ckpt")
    here.best_k_models = {here.best_model_path: here.best_model_score}
    state = here.state_dict()
    assert str(tmp_path) not in str(state)
    there.load_state_dict(state)
    assert there.best_model_score == 0.75
    assert there.best_model_path == str(tmp_path / "there" / "best.ckpt")
    assert list(there.best_k_models) == [there.best_model_path]
    assert there.monitor == "val/auc"


def test_a_checkpoint_of_before_with_absolute_names_is_taken_up(tmp_path):
    checkpoint = MovableCheckpoint(dirpath=tmp_path, monitor="val/auc", mode="max")
    best = str(tmp_path / "best.ckpt")
    checkpoint.load_state_dict(checkpoint.state_dict() | {"best_model_path": best})
    assert checkpoint.best_model_path == best
