"""What cannot be trained is told before any work is done."""

import pytest

from nrms_torch.configuration import compose
from nrms_torch.errors import InputError
from nrms_torch.training.feasible import require_batches, require_feasible


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
        ("trainer.accumulate_grad_batches=0", "trainer.accumulate_grad_batches"),
        ("trainer.log_every_n_steps=x", "trainer.log_every_n_steps"),
        ("callbacks.early_stopping.patience=x", "callbacks.early_stopping.patience"),
        ("+trainer.overfit_batches=2", "trainer.overfit_batches"),
        ("callbacks.best.monitor=val/acu", "callbacks.best.monitor"),
        ("callbacks.early_stopping.monitor=test/auc", "callbacks.early_stopping.monitor"),
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
        ["callbacks.best.monitor=val/ndcg@10", "callbacks.early_stopping.monitor=train/loss_epoch"],
        ["~logger"],
        ["~callbacks.learning_curve", "callbacks.early_stopping=null"],
        ["callbacks=null", "+trainer.fast_dev_run=true"],
    ],
    ids=str,
)
def test_what_can_be_trained_passes(settings):
    require_feasible(compose("train", settings))


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("trainer.limit_train_batches=0.01", "limit_train_batches: 0.01 of 24 leaves nothing"),
        ("trainer.limit_val_batches=0.4", "limit_val_batches: 0.4 of 2 leaves nothing"),
        ("trainer.val_check_interval=25", "val_check_interval: 25 is more than the 24 batches"),
    ],
)
def test_an_epoch_that_is_cut_to_nothing_is_told(setting, told):
    with pytest.raises(InputError, match=f"^trainer.{told}"):
        require_batches(compose("train", [setting]).trainer, 24, 2)


def test_an_interval_longer_than_a_shortened_epoch_is_told():
    trainer = compose("train", ["trainer.limit_train_batches=5", "trainer.val_check_interval=6"])
    with pytest.raises(InputError, match="6 is more than the 5 batches"):
        require_batches(trainer.trainer, 24, 2)


@pytest.mark.parametrize(
    "settings",
    [
        [],
        ["trainer.limit_train_batches=1", "trainer.limit_val_batches=0.5"],
        ["trainer.val_check_interval=24"],
        ["trainer.val_check_interval=0.01"],
        ["trainer.val_check_interval=99", "+trainer.check_val_every_n_epoch=null"],
    ],
    ids=str,
)
def test_an_epoch_with_a_validation_passes(settings):
    require_batches(compose("train", settings).trainer, 24, 2)
