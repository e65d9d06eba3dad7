"""The scores of a measured split, brought together from all processes."""

from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor

from nrms_torch.data.impressions import Impressions
from nrms_torch.data.loading import EvaluationChunk


class KeptScores(L.Callback):
    """Keeps what `Trainer.test` scores: after it, `scores` (N,) float32 in the split's order.

    `news` (R, D) float32 are the model's article vectors, the same in each process. Each process
    fills in the candidates that it scored and leaves the others 0, so that the sum over processes
    gathers them, exactly.
    """

    def __init__(self, impressions: Impressions) -> None:
        self.impressions = impressions
        self.scores = np.zeros(len(impressions.candidates), dtype=np.float32)
        self.news = np.zeros((0, 0), dtype=np.float32)

    def on_test_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: EvaluationChunk,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Take the dot products `outputs` (N,) of a chunk."""
        places, _ = self.impressions.candidate_positions(batch.positions.cpu().numpy())
        self.scores[places] = outputs.cpu().numpy()

    def on_test_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Gather the scores of all processes; the module still has its article vectors."""
        news = pl_module.news_vectors
        assert isinstance(news, Tensor)
        self.news = news.cpu().numpy()
        own = torch.from_numpy(self.scores).to(pl_module.device)
        gathered = trainer.strategy.reduce(own, reduce_op="sum")
        assert isinstance(gathered, Tensor)
        self.scores = gathered.cpu().numpy()
