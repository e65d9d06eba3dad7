"""The learning curve: loss and validation AUC by epoch, as a picture in the run folder."""

from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_only

from nrms_torch.files import replacing

# What is drawn: a metric, what it is called, and its colour where it is alone.
CURVES = (
    ("train/loss_epoch", "training loss", "tab:blue"),
    ("val/auc", "validation AUC", "tab:orange"),
)


class LearningCurve(L.Callback):
    """Draws `file` after each epoch; its points live in the checkpoint, so a resume goes on."""

    def __init__(self, file: str) -> None:
        self.file = Path(file)
        self.points: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take the epoch's training loss and validation AUC."""
        found = {
            name: trainer.callback_metrics[name].item()
            for name, *_ in CURVES
            if name in trainer.callback_metrics
        }
        self.points.append({"epoch": trainer.current_epoch + 1, **found})
        self._draw()

    def state_dict(self) -> dict[str, Any]:
        """Give the points so far."""
        return {"points": self.points}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the points of the run that is resumed."""
        self.points = list(state_dict["points"])

    @rank_zero_only
    def _draw(self) -> None:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        figure = Figure(figsize=(7, 4), layout="constrained")
        left = figure.subplots()
        right = left.twinx()
        for axes, (name, label, colour) in zip((left, right), CURVES, strict=True):
            drawn = [point for point in self.points if name in point]
            axes.plot(
                [point["epoch"] for point in drawn],
                [point[name] for point in drawn],
                marker="o",
                color=colour,
            )
            axes.set_ylabel(label, color=colour)
        left.set_xlabel("epoch")
        left.xaxis.set_major_locator(MaxNLocator(integer=True))
        left.grid(alpha=0.3)
        with replacing(self.file) as temporary:
            figure.savefig(temporary, dpi=120)
