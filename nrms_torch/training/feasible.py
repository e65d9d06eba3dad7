"""What a training needs of its settings, told before any work is done."""

from omegaconf import DictConfig

from nrms_torch.errors import InputError, nearest
from nrms_torch.fields import require_integer

# A run is measured by the one, and resumed or repeated from the other.
_CHECKPOINTS = ("best", "last")
_AS_MANY_AS_THERE_ARE = -1
# What is measured at an epoch's end, by which a checkpoint or a stop can be chosen.
_METRICS = (
    *("val/auc", "val/mrr", "val/reciprocal_rank", "val/ndcg@5", "val/ndcg@10"),
    *("train/loss", "train/loss_epoch"),
)


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
    for field, least in {"accumulate_grad_batches": 1, "log_every_n_steps": 0}.items():
        if field in trainer:
            require_integer(f"trainer.{field}", trainer[field], least)
    if trainer.get("overfit_batches"):
        raise InputError(
            "trainer.overfit_batches: validates on training rows, which have no impressions to "
            "rank; expected trainer.limit_train_batches=N"
        )
    for name, callback in config.callbacks.items():
        if callback and "patience" in callback:
            require_integer(f"callbacks.{name}.patience", callback.patience, 1)
        monitor = callback.get("monitor") if callback else None
        if monitor is not None and monitor not in _METRICS:
            raise InputError(
                f"callbacks.{name}.monitor: {monitor!r} is not measured{nearest(monitor, _METRICS)}"
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


def require_batches(trainer: DictConfig, batches: int, chunks: int) -> None:
    """Raise InputError where an epoch of `batches`, validated in `chunks`, is cut to nothing.

    That is by fractions that leave less than one, or a validation after more than there are.
    """
    counts = {"limit_train_batches": batches, "limit_val_batches": chunks}
    for field, count in counts.items():
        limit = trainer.get(field)
        if isinstance(limit, float) and int(limit * count) < 1:
            least = f"{1 / count:.3g}"
            raise InputError(
                f"trainer.{field}: {limit} of {count} leaves nothing; expected at least {least}"
            )
    limit, interval = trainer.get("limit_train_batches"), trainer.get("val_check_interval")
    if isinstance(limit, int):
        batches = min(batches, limit)
    is_over_epochs = trainer.get("check_val_every_n_epoch", 1) is None
    if isinstance(interval, int) and interval > batches and not is_over_epochs:
        raise InputError(
            f"trainer.val_check_interval: {interval} is more than the {batches} batches of an "
            "epoch, so that nothing would be validated"
        )
