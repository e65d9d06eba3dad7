"""What a training tells as it goes: a bar in a terminal, a line an epoch."""

import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from lightning.pytorch.utilities import rank_zero_only

from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.evaluation.baselines import simple_aucs

_EPOCH = "{epoch:>5} {loss:>9} {auc:>9} {best:>9} {seconds:>8} {left:>9}"
_HEAD = {
    "epoch": "epoch",
    "loss": "loss",
    "auc": "val AUC",
    "best": "best",
    "seconds": "took",
    "left": "left",
}


class Bar(RichProgressBar):
    """A progress bar, where somebody looks at a terminal: in a file it would be noise."""

    def __init__(self) -> None:
        super().__init__(leave=False)
        if not sys.stdout.isatty():
            self.disable()

    def get_metrics(self, trainer: L.Trainer, pl_module: L.LightningModule) -> dict[str, Any]:
        """Show the loss, and not Lightning's number of the run."""
        found = super().get_metrics(trainer, pl_module)
        return {name: value for name, value in found.items() if name != "v_num"}


class EpochLines(L.Callback):
    """Prints a line an epoch: loss, validation AUC, the best so far, and the time that is left.

    The same lines go to `file`, as they come.
    """

    def __init__(self, file: str) -> None:
        self.file = Path(file)
        self.best = 0.0
        self.started = 0.0
        self.seconds: list[float] = []  # of the epochs of this process

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Print what simple rankings reach, and the columns' names."""
        datamodule = trainer.datamodule  # type: ignore[attr-defined]
        if trainer.is_global_zero and isinstance(datamodule, NewsDataModule):
            aucs = simple_aucs(datamodule)
            simple = ", ".join(f"{name.replace('_', ' ')} {auc:.4f}" for name, auc in aucs.items())
            self._tell(f"validation AUC of simple rankings: {simple}")
        self._tell(_EPOCH.format(**_HEAD))

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin to take the time; print what was measured before training, where it was."""
        self.started = time.monotonic()
        checkpoint = trainer.checkpoint_callback
        start = checkpoint.best_model_score if isinstance(checkpoint, ModelCheckpoint) else None
        if trainer.global_step == 0 and start is not None:
            self.best = start.item()
            auc = f"{self.best:.4f}"
            line = {"epoch": "start", "loss": "", "auc": auc, "best": auc}
            self._tell(_EPOCH.format(**line, seconds="", left=""))

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Print the epoch's line."""
        self.seconds.append(time.monotonic() - self.started)
        metrics = trainer.callback_metrics
        auc = metrics["val/auc"].item() if "val/auc" in metrics else None
        self.best = max(self.best, auc or 0.0)
        epoch, last = trainer.current_epoch + 1, trainer.max_epochs or -1
        mean = sum(self.seconds) / len(self.seconds)
        self._tell(
            _EPOCH.format(
                epoch=f"{epoch}/{last}" if last > 0 else epoch,
                loss=f"{metrics['train/loss_epoch'].item():.4f}",
                auc="" if auc is None else f"{auc:.4f}",
                best=f"{self.best:.4f}",
                seconds=_time(self.seconds[-1]),
                left=_time(mean * (last - epoch)) if last > 0 else "",
            )
        )

    def state_dict(self) -> dict[str, Any]:
        """Give the best so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the best of the run that is resumed."""
        self.best = state_dict["best"]

    @rank_zero_only
    def _tell(self, line: str) -> None:
        print(line, flush=True)
        if self.file.parent.is_dir():
            with self.file.open("a", encoding="utf-8") as file:
                file.write(line + "\n")


def quieten_lightning() -> None:
    """Hide advertisements, and advice that does not hold here: readers would look for a fault."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",  # batches are indices; workers would cost more
        ".*sync_dist=True.*",  # metrics reduce themselves
        ".*smaller than the logging interval.*",
        ".*Checkpoint directory .* exists and is not empty.*",  # that is how a run resumes
        ".*LeafSpec.*",  # Lightning's own affair with a newer torch
    ):
        warnings.filterwarnings("ignore", message=message)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
    )
