"""Lightning's callbacks where they would lose something when a run resumes."""

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint


class LastCheckpoint(ModelCheckpoint):
    """Saves after each epoch, and every n steps inside it, but not at its last step.

    There Lightning would save before the epoch's validation, which a resumed run would then skip,
    and with `every_n_train_steps` it would not save after the epoch at all.
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
        if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save after the epoch, its validation included."""
        if not self._should_skip_saving_checkpoint(trainer):
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))


class ResumableEarlyStopping(EarlyStopping):
    """Stops a resumed run that had stopped already; Lightning would train one more epoch."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop at once where patience had run out."""
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience
