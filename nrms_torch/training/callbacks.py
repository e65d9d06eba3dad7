"""Lightning's callbacks and limits where they would lose something when a run resumes."""

from itertools import islice
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from nrms_torch.training.lightning_module import NRMSModule


class MovableCheckpoint(ModelCheckpoint):
    """Keeps file names relative to its folder in the state that goes into a checkpoint.

    With absolute ones Lightning would forget the best score of a run whose folder has moved, and
    the same training in two places would give files of different bytes.
    """

    def state_dict(self) -> dict[str, Any]:
        """Give the state, with names that begin with a dot for the folder."""
        return dict(_rebased(super().state_dict(), str(self.dirpath), "."))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state up, with names where the folder is now."""
        super().load_state_dict(_rebased(state_dict, ".", str(self.dirpath)))


class BestCheckpoint(MovableCheckpoint):
    """Counts the start as an epoch of its own: training has to rank better than where it began.

    The standard variant starts at a cosine, which ranks well. The baseline's start ranks nothing.
    """

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Measure and save the standard variant as it starts; a resumed run has done so."""
        assert isinstance(pl_module, NRMSModule)
        if trainer.global_step or not pl_module.model.is_standard or not self.monitor:
            return
        chunks = trainer.datamodule.val_dataloader()  # type: ignore[attr-defined]
        number = _measured_chunks(trainer, len(chunks))
        if not number:
            return
        with trainer.precision_plugin.val_step_context():
            auc = pl_module.auc_now(islice(chunks, number))
        nothing = torch.tensor(0)
        self._save_topk_checkpoint(trainer, {self.monitor: auc, "epoch": nothing, "step": nothing})


class LastCheckpoint(MovableCheckpoint):
    """Saves after each epoch, every n steps inside it, and where it is cut; not at its last step.

    There Lightning would save before the epoch's validation, which a resumed run would then skip,
    and with `every_n_train_steps` it would not save after the epoch at all. After an epoch that was
    cut, Lightning's state says that it was finished.
    """

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save inside the epoch."""
        if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            return
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        if trainer.should_stop and not self._should_skip_saving_checkpoint(trainer):
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save after the epoch, its validation included."""
        if not self._should_skip_saving_checkpoint(trainer):
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))


class StopAfterSteps(L.Callback):
    """Stops after so many steps of the optimizer, and has the weights validated as they are then.

    Lightning's own `max_steps` leaves a state that goes on with other rows, in the middle of an
    epoch and at its end.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop at once where a resumed run has made them."""
        self._stop(trainer)

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Stop where this was the last step."""
        self._stop(trainer)

    def _stop(self, trainer: L.Trainer) -> None:
        trainer.should_stop = trainer.should_stop or trainer.global_step >= self.steps


class ResumableEarlyStopping(EarlyStopping):
    """Stops a resumed run that had stopped already; Lightning would train one more epoch."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop at once where patience had run out."""
        had_patience = 0 < self.wait_count < self.patience or self.wait_count == 0
        trainer.should_stop = trainer.should_stop or not had_patience


def _measured_chunks(trainer: L.Trainer, chunks: int) -> int:
    """Give how many of the validation's chunks an epoch measures, by `limit_val_batches`."""
    limit = trainer.limit_val_batches
    return min(limit, chunks) if isinstance(limit, int) else int(limit * chunks)


def _rebased(value: Any, old: str, new: str) -> Any:
    """Replace the folder `old` by `new` in every path of a state."""
    if isinstance(value, str) and Path(value).is_relative_to(old) and value.startswith(old):
        return new + value[len(old) :]
    if isinstance(value, dict):
        return {_rebased(name, old, new): _rebased(item, old, new) for name, item in value.items()}
    return value
