"""The LightningDataModule: splits of a data folder as loaders of indices, one share a rank."""

from functools import cached_property

import lightning as L
from torch.utils.data import DataLoader, Subset

from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.config import DataConfig
from nrms_torch.data.loading import (
    BatchSampler,
    EvaluationChunk,
    EvaluationChunks,
    TrainingDataset,
    TrainingLoader,
)
from nrms_torch.data.prepared.mapped import MappedImpressions
from nrms_torch.data.prepared.prepare import prepare
from nrms_torch.data.sampling import TrainingRows, training_rows
from nrms_torch.data.tables import document_vectors, ids_alone, titles
from nrms_torch.data.vocabulary import Vocabulary
from nrms_torch.errors import InputError


class NewsDataModule(L.LightningDataModule):
    """Impressions of a data folder over one article table.

    `table` holds title tokens where `title_size` is given, else document vectors, or without text
    nothing but ids. `vocabulary` is
    a run's, extended by the tokens of these articles, or a new one.
    """

    def __init__(
        self,
        config: DataConfig,
        *,
        history_size: int,
        title_size: int | None,
        seed: int,
        vocabulary: Vocabulary | None = None,
        has_text: bool = True,
    ) -> None:
        super().__init__()
        self.config = config
        self.history_size = history_size
        self.seed = seed
        self.table: ArticleTable
        self.vocabulary: Vocabulary | None
        if not has_text:
            self.table, self.vocabulary = ids_alone(config), None
        elif title_size is None:
            self.table, self.vocabulary = document_vectors(config), None
        else:
            self.table, self.vocabulary = titles(config, title_size, vocabulary)
        self.measured_split = "test"
        self.predicted_split = "test"
        self.predicted_chunks = 0  # of this rank, which have been
        self._splits: dict[str, MappedImpressions] = {}

    def impressions(self, split: str) -> MappedImpressions:
        """Give a split's impressions, prepared on first use; InputError where they cannot be."""
        if split not in self._splits:
            self._splits[split] = prepare(self.config, split, self.table, self.history_size)
        return self._splits[split]

    def check(self, ranks: int) -> None:
        """Read what training needs; InputError now, not after an epoch, where it cannot serve."""
        self._sampler(rank=0, ranks=ranks)
        self.require_labels("validation")

    def summary(self, split: str) -> str:
        """Say in a line how much of a split can be used."""
        data = self.impressions(split)
        rows = f", {len(self.rows):,} training rows" if split == "train" else ""
        return (
            f"{split}: {len(data):,} impressions{rows}; skipped {data.skipped:,} without "
            f"a click or a negative; {data.unknown_articles:,} unknown articles"
        )

    @cached_property
    def rows(self) -> TrainingRows:
        """The training rows; InputError where the train split gives none."""
        impressions = self.impressions("train")
        if impressions.labels is None:
            raise InputError(f"{self.config.folder}: train has no clicks to train on")
        rows = training_rows(impressions)
        if not len(rows):
            raise InputError(
                f"{self.config.folder}: no impression of train has a click and a negative"
            )
        return rows

    def train_dataloader(self) -> TrainingLoader:
        """Give this rank's batches of training rows."""
        config = self.config
        dataset = TrainingDataset(
            self.rows,
            npratio=config.npratio,
            seed=self.seed,
            once=config.sampling == "once",
        )
        return TrainingLoader(
            dataset,
            self._sampler(*self._place()),
            num_workers=config.num_workers,
            persistent_workers=config.num_workers > 0,
        )

    def val_dataloader(self) -> DataLoader[EvaluationChunk]:
        """Give this rank's chunks of the validation split."""
        return self._evaluation_loader("validation")

    def test_dataloader(self) -> DataLoader[EvaluationChunk]:
        """Give this rank's chunks of the split that is being measured."""
        return self._evaluation_loader(self.measured_split)

    def predict_dataloader(self) -> DataLoader[EvaluationChunk]:
        """Give this rank's chunks of the split that is being predicted, but for those that were."""
        loader = self._chunks(self.impressions(self.predicted_split))
        rest = range(self.predicted_chunks, len(loader))
        return DataLoader(Subset(loader.dataset, rest), batch_size=None) if rest.start else loader

    def _evaluation_loader(self, split: str) -> DataLoader[EvaluationChunk]:
        return self._chunks(self.require_labels(split))

    def _chunks(self, impressions: MappedImpressions) -> DataLoader[EvaluationChunk]:
        rank, ranks = self._place()
        return DataLoader(EvaluationChunks(impressions, rank=rank, ranks=ranks), batch_size=None)

    def require_labels(self, split: str) -> MappedImpressions:
        """Give a split's impressions; InputError where they have nothing to measure."""
        impressions = self.impressions(split)
        if impressions.labels is None:
            raise InputError(
                f"{self.config.folder}: {split} has no labels, so there is nothing to measure; "
                "nrms predict ranks it"
            )
        if impressions.skipped == len(impressions):
            raise InputError(
                f"{self.config.folder}: no impression of {split} has a click and a negative"
            )
        return impressions

    def _sampler(self, rank: int, ranks: int) -> BatchSampler:
        return BatchSampler(
            len(self.rows), self.config.batch_size, seed=self.seed, rank=rank, ranks=ranks
        )

    def _place(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
