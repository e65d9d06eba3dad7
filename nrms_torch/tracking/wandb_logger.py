"""Lightning's W&B logger for a run folder."""

from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from torch import nn

from nrms_torch.fields import require_integer
from nrms_torch.tracking.wandb_run import (
    TrackedRun,
    complaining,
    options,
    require_wandb,
    sync_hint,
)


class RunLogger(WandbLogger):
    """Logs a run from rank 0, offline where W&B has no key; a run that resumes goes on in the same.

    The best checkpoint becomes the artifact `model-ID` with the aliases `best` and `latest`. With
    `gradients` n, histograms of the gradients are logged every n steps.
    """

    def __init__(self, run: str, project: str, gradients: int | None = None) -> None:
        require_wandb()
        if gradients is not None:
            require_integer("logger.wandb.gradients", gradients, 1)
        self._folder = Path(run)
        self._gradients = gradients
        name = None if TrackedRun.of(self._folder) else self._folder.name
        chosen = {"project": project, "name": name, **options(self._folder)}
        # Lightning refuses `offline` with artifacts, which W&B has long kept until it can sync.
        super().__init__(save_dir=run, log_model=True, **chosen)
        del self._wandb_init["anonymous"]  # which W&B says is gone, whatever its value

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The W&B run, begun on first use; InputError in one line where W&B refuses."""
        if self._experiment is None:
            with complaining():
                experiment = super().experiment
            # Tables and sweeps of W&B show a metric's last value otherwise.
            experiment.define_metric("val/auc", step_metric="trainer/global_step", summary="max")
            # An agent of a sweep has its own say in which run this is.
            if not experiment.disabled:
                found = TrackedRun(experiment.project, experiment.entity or None, experiment.id)
                found.keep(self._folder)
            if hint := sync_hint(experiment, self._folder):
                print(hint)
        return super().experiment

    @rank_zero_only
    def log_graph(self, model: nn.Module, input_array: Any = None) -> None:
        """Begin to watch the gradients, where that was asked for; Lightning calls it once a fit."""
        if self._gradients:
            self.watch(model, log="gradients", log_freq=self._gradients, log_graph=False)
            self._gradients = None  # and once more for the measurement after it

    def after_save_checkpoint(self, checkpoint_callback: ModelCheckpoint) -> None:
        """Take note of the best checkpoint alone: the last is for resuming on this machine."""
        if checkpoint_callback.monitor is not None:
            super().after_save_checkpoint(checkpoint_callback)
