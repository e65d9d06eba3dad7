"""What cannot be trained is told before any work is done."""

import pytest

from nrms_torch.configuration import compose
from nrms_torch.errors import InputError
from nrms_torch.training.feasible import require_feasible


@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ("trainer.max_epochs=0", "trainer.max_epochs"),
        ("trainer.max_epochs=three", "trainer.max_epochs"),
        ("trainer.max_epochs=-2", "trainer.max_epochs"),
        ("trainer.max_steps=0", "trainer.max_steps"),
        ("trainer.max_steps=1.5", "trainer.max_steps"),
        ("trainer.limit_val_batches=0", "trainer.limit_val_batches"),
        ("trainer.limit_val_batches=0.0", "trainer.limit_val_batches"),
        ("trainer.limit_train_batches=0", "trainer.limit_train_batches"),
        ("+trainer.check_val_every_n_epoch=9", "trainer.check_val_every_n_epoch"),
        ("callbacks=null", "callbacks.best"),
        ("~callbacks", "callbacks.best"),
        ("callbacks.best=null", "callbacks.best"),
        ("~callbacks.last", "callbacks.last"),
    ],
)
def test_what_cannot_be_trained_is_told_by_its_field(setting, field):
    with pytest.raises(InputError, match=f"^{field}: "):
        require_feasible(compose("train", [setting]))


@pytest.mark.parametrize(
    "settings",
    [
        [],
        ["trainer.max_epochs=-1", "trainer.max_steps=5"],
        ["trainer.max_epochs=null", "trainer.max_steps=5"],
        ["logger=null"],
        ["~logger"],
        ["~callbacks.learning_curve", "callbacks.early_stopping=null"],
        ["callbacks=null", "+trainer.fast_dev_run=true"],
    ],
    ids=str,
)
def test_what_can_be_trained_passes(settings):
    require_feasible(compose("train", settings))
