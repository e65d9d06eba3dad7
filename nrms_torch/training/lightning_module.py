"""The LightningModule: losses, optimizer, and evaluation through the one scoring path."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor

from nrms_torch.data.loading import EvaluationChunk, TrainingBatch
from nrms_torch.errors import InputError
from nrms_torch.evaluation.ranking import RankingMetrics
from nrms_torch.evaluation.scoring import encode_articles, score_chunk
from nrms_torch.fields import require_integer, require_number
from nrms_torch.model.hyper_parameters import from_mapping
from nrms_torch.model.nrms import NRMS
from nrms_torch.training.losses import LOSSES
from nrms_torch.training.optimizer import KerasAdam, paced_adamw

# What a checkpoint's own measurement is logged under, beside the curves of training.
MEASURED = "best"
_COUNTS = ("impressions", "skipped")


@dataclass(frozen=True)
class TrainingParameters:
    """How to train; the defaults are the baseline's, raises InputError naming a wrong field.

    The learning rate is multiplied by `plateau_factor` after `plateau_patience` epochs without a
    better validation AUC, down to `min_learning_rate`. `weight_decay` is the standard variant's:
    the baseline has none.
    """

    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    loss: str = "cross_entropy_loss"
    plateau_factor: float = 0.2
    plateau_patience: int = 2
    min_learning_rate: float = 1e-6

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise InputError(f"training.loss: {self.loss!r} is none of {', '.join(LOSSES)}")
        require_number("training.learning_rate", self.learning_rate, least=1e-12)
        require_number("training.weight_decay", self.weight_decay, least=0)
        require_number("training.plateau_factor", self.plateau_factor, least=0, below=1)
        require_integer("training.plateau_patience", self.plateau_patience, 1)
        require_number("training.min_learning_rate", self.min_learning_rate, least=0)


class NRMSModule(L.LightningModule):
    """Trains and evaluates a model on batches of rows of `table` (R, …), the article table.

    The table is set by whoever builds the module, and is no buffer: it is data, neither saved in
    a checkpoint nor broadcast to other ranks.
    """

    def __init__(
        self, hyper_parameters: Mapping[str, Any], training: Mapping[str, Any], seed: int
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.model = NRMS(from_mapping(hyper_parameters), seed=seed)
        self.training_parameters = TrainingParameters(**training)
        self.seed = seed
        self.table = torch.zeros(0)
        self.news_vectors = torch.zeros(0)
        # Of the standard variant: each article's, in units, as train's readers clicked. Data too,
        # but saved with the weights, since a run ranks other data by what it has seen.
        self.popularity: dict[Any, int] = {}
        self.metrics = RankingMetrics()
        self.results: dict[str, float] = {}

    def setup(self, stage: str) -> None:
        """Bring the article table to the device, once."""
        self.table = self.table.to(self.device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the articles' popularity with the weights."""
        checkpoint["popularity"] = self.popularity

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up the articles' popularity; older runs have none."""
        self.popularity = dict(checkpoint.get("popularity", {}))

    def on_train_batch_start(self, batch: TrainingBatch, batch_idx: int) -> None:
        """Seed dropout by (seed, epoch, batch, rank), so that a resumed run draws the same."""
        where = [self.seed, self.current_epoch, batch_idx, self.global_rank]
        seed = int(np.random.SeedSequence(where).generate_state(1)[0])
        # Not torch.manual_seed, which writes down a stack trace for each kind of device.
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def training_step(self, batch: TrainingBatch, batch_idx: int) -> Tensor:
        """Give the loss of a batch, the L2 term included as Keras does."""
        dots = self.model(self.table, batch.history, batch.candidates)
        loss = LOSSES[self.training_parameters.loss](dots, batch.labels)
        loss = loss + self.model.regularization_loss()
        self.log(
            "train/loss", loss, on_step=True, on_epoch=True, batch_size=len(dots), sync_dist=True
        )
        return loss

    def on_validation_epoch_start(self) -> None:
        """Encode every article once; the chunks of impressions gather from it."""
        self.news_vectors = encode_articles(self.model, self.table)

    def validation_step(self, chunk: EvaluationChunk, batch_idx: int) -> Tensor:
        """Score a chunk, add its impressions to the metrics, and give its dot products (N,)."""
        assert chunk.labels is not None, "a split without labels has no metrics"
        dots = score_chunk(self.model, self.news_vectors, chunk)
        self.metrics.update(dots, chunk.labels, chunk.offsets)
        return dots

    def on_validation_epoch_end(self) -> None:
        """Reduce the metrics over ranks and log them as val/…."""
        self._finish_evaluation("val")

    def auc_now(self, chunks: Iterable[EvaluationChunk]) -> Tensor:
        """Give the AUC over all processes' chunks with the weights as they are, logging nothing."""
        was_training = self.training
        self.eval()
        news = encode_articles(self.model, self.table)
        for chunk in chunks:
            here = self.transfer_batch_to_device(chunk, self.device, 0)
            assert here.labels is not None, "a split without labels has no metrics"
            self.metrics.update(score_chunk(self.model, news, here), here.labels, here.offsets)
        auc: Tensor = self.metrics.compute()["auc"]
        self.metrics.reset()
        self.train(was_training)
        return auc

    on_test_epoch_start = on_validation_epoch_start
    test_step = validation_step

    def on_test_epoch_end(self) -> None:
        """Reduce the metrics over ranks and log them under their split, as best/validation/…."""
        datamodule = self.trainer.datamodule  # type: ignore[attr-defined]
        self._finish_evaluation(f"{MEASURED}/{datamodule.measured_split}")

    on_predict_epoch_start = on_validation_epoch_start

    def predict_step(self, chunk: EvaluationChunk, batch_idx: int) -> Tensor:
        """Give the dot products (N,) of a chunk."""
        return score_chunk(self.model, self.news_vectors, chunk)

    def on_predict_epoch_end(self) -> None:
        """Let go of the article vectors."""
        self.news_vectors = torch.zeros(0)

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Do nothing: Lightning would step after the epoch's checkpoint, too late to resume."""

    def on_train_epoch_end(self) -> None:
        """Step the plateau schedule by the epoch's validation AUC, before the checkpoint."""
        schedule = self.lr_schedulers()
        assert isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau)
        if (auc := self.trainer.callback_metrics.get("val/auc")) is not None:
            schedule.step(auc.item())

    def _finish_evaluation(self, prefix: str) -> None:
        self.results = {name: value.item() for name, value in self.metrics.compute().items()}
        self.metrics.reset()
        self.news_vectors = torch.zeros(0)
        means = {name: value for name, value in self.results.items() if name not in _COUNTS}
        self.log_dict({f"{prefix}/{name}": value for name, value in means.items()})

    def configure_optimizers(self) -> Any:
        """Give the variant's optimizer, with a plateau schedule on val/auc."""
        parameters = self.training_parameters
        # One pass over the parameters, a tenth of the time on a CPU. But it unscales gradients
        # itself, so that they could not be clipped, and a step that overflows is called too.
        fused = "mixed" not in str(self.trainer.precision)
        rate = parameters.learning_rate
        optimizer: torch.optim.Optimizer
        if self.model.is_standard:
            optimizer = paced_adamw(self.model, rate, parameters.weight_decay, fused=fused)
        else:
            optimizer = KerasAdam(self.model.parameters(), lr=rate, fused=fused)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer,
            mode="max",
            factor=parameters.plateau_factor,
            # Keras reduces at the patience-th epoch without improvement, torch at the one after.
            patience=parameters.plateau_patience - 1,
            threshold=1e-4,
            threshold_mode="abs",
            min_lr=parameters.min_learning_rate,
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "monitor": "val/auc", "strict": False},
        }
