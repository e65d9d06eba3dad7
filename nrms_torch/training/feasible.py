"""What a training needs of its settings, told before any work is done."""

from omegaconf import DictConfig

from nrms_torch.errors import InputError
from nrms_torch.fields import require_integer

# A run is measured by the one, and resumed or repeated from the other.
_CHECKPOINTS = ("best", "last")
_AS_MANY_AS_THERE_ARE = -1


def require_feasible(config: DictConfig) -> None:
    """Raise InputError for settings under which nothing is trained, validated or kept.

    A dry run, `trainer.fast_dev_run`, keeps nothing.
    """
    trainer = config.trainer
    for field in ("max_epochs", "max_steps"):
        if trainer.get(field) not in (None, _AS_MANY_AS_THERE_ARE):
            require_integer(f"trainer.{field}", trainer[field], 1)
    for field in ("limit_train_batches", "limit_val_batches"):
        if trainer.get(field) == 0:
            raise InputError(
                f"trainer.{field}: {trainer[field]} leaves nothing to train on or to choose the "
                "best checkpoint by; expected more"
            )
    every, epochs = trainer.get("check_val_every_n_epoch") or 1, trainer.get("max_epochs") or -1
    if 0 < epochs < every:
        raise InputError(
            f"trainer.check_val_every_n_epoch: {every} is more than trainer.max_epochs={epochs}, "
            "so that nothing would be validated"
        )
    for name in _CHECKPOINTS:
        if not trainer.get("fast_dev_run") and not config.callbacks.get(name):
            raise InputError(
                f"callbacks.{name}: missing, but a run needs its {' and its '.join(_CHECKPOINTS)} "
                "checkpoint; leave others out by name, as ~callbacks.learning_curve"
            )
