"""Loaders: batches of indices for training and chunks of impressions for evaluation, by rank."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from nrms_torch.data.impressions import Impressions
from nrms_torch.data.sampling import TrainingRows, draw_candidates, epoch_order
from nrms_torch.errors import InputError

# Enough to keep the matrix multiplications large, few enough that a chunk's vectors stay small.
HISTORIES_PER_CHUNK = 512


class TrainingBatch(NamedTuple):
    """B rows: history (B, H) and candidates (B, C) as article rows, labels (B, C) float32."""

    history: Tensor
    candidates: Tensor
    labels: Tensor


class EvaluationChunk(NamedTuple):
    """All impressions of some distinct histories, so that a history is encoded in one chunk only.

    `histories` (P, H); impression i of the chunk is the split's impression `positions[i]`, has
    history `owner[i]` and candidates `offsets[i]` to `offsets[i + 1]`; labels are None without.
    """

    histories: Tensor
    owner: Tensor
    positions: Tensor
    offsets: Tensor
    candidates: Tensor
    labels: Tensor | None


class BatchSampler(Sampler[tuple[int, np.ndarray]]):
    """Yields (epoch, rows): this rank's share of each batch of an epoch's order.

    `batch_size` counts rows over all ranks, so that the number of ranks does not change what a
    step learns from. Ranks take every `ranks`-th row; up to ranks - 1 rows sit an epoch out.
    """

    def __init__(self, rows: int, batch_size: int, *, seed: int, rank: int, ranks: int) -> None:
        if batch_size % ranks:
            raise InputError(
                f"data.batch_size: {batch_size} rows cannot be shared by {ranks} processes; "
                f"expected a multiple of {ranks}"
            )
        if rows < ranks:
            raise InputError(f"train: {rows} training rows for {ranks} processes; expected more")
        self.rows = rows - rows % ranks
        self.total = rows
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.ranks = ranks
        self.epoch = 0
        self.first = 0

    def set_epoch(self, epoch: int) -> None:
        """Take the epoch whose order comes next; Lightning calls it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.rows // self.batch_size)

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        order = epoch_order(self.total, seed=self.seed, epoch=self.epoch)[: self.rows]
        first, self.first = self.first, 0
        for start in range(first * self.batch_size, self.rows, self.batch_size):
            yield self.epoch, order[start : start + self.batch_size][self.rank :: self.ranks]


class TrainingDataset(Dataset[TrainingBatch]):
    """Turns (epoch, rows) into a batch; negatives are drawn `once`, as in the baseline, or anew."""

    def __init__(self, rows: TrainingRows, *, npratio: int, seed: int, once: bool) -> None:
        self.rows = rows
        self.npratio = npratio
        self.seed = seed
        self.once = once

    def __getitem__(self, batch: tuple[int, np.ndarray]) -> TrainingBatch:
        epoch, chosen = batch
        candidates, labels = draw_candidates(
            self.rows,
            chosen,
            npratio=self.npratio,
            seed=self.seed,
            epoch=0 if self.once else epoch,
        )
        history = self.rows.histories(chosen)
        return TrainingBatch(*map(torch.from_numpy, (history, candidates, labels)))


class TrainingLoader(DataLoader[TrainingBatch]):
    """A DataLoader that can resume inside an epoch: its state is the batches already given."""

    def __init__(self, dataset: TrainingDataset, sampler: BatchSampler, **options: Any) -> None:
        # batch_size=None: the sampler's items are whole batches already.
        super().__init__(dataset, sampler=sampler, batch_size=None, **options)
        self.given = 0

    def __iter__(self) -> Iterator[TrainingBatch]:  # type: ignore[override]
        assert isinstance(self.sampler, BatchSampler)
        self.given = self.sampler.first
        for batch in super().__iter__():
            self.given += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Give what Lightning keeps in a checkpoint."""
        return {"given": self.given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Start the next epoch behind the batches that the checkpoint had seen."""
        assert isinstance(self.sampler, BatchSampler)
        self.sampler.first = state["given"] % len(self.sampler)


class EvaluationChunks(Dataset[EvaluationChunk]):
    """This rank's chunks of a split: every `ranks`-th one, boundaries the same for any `ranks`.

    No impression is padded or repeated. All ranks have equally many chunks, at least one, some of
    them empty: a rank without any would skip the loop, and the others would wait for it.
    """

    def __init__(self, impressions: Impressions, *, rank: int, ranks: int) -> None:
        self.impressions = impressions
        self.rank = rank
        self.ranks = ranks
        _, ends = impressions.by_history
        used = np.flatnonzero(np.diff(ends))
        self.starts = np.append(ends[used[::HISTORIES_PER_CHUNK]], len(impressions))

    def __len__(self) -> int:
        chunks = len(self.starts) - 1
        return max(1, -(-chunks // self.ranks))

    def __getitem__(self, index: int) -> EvaluationChunk:
        if index >= len(self):
            raise IndexError(index)
        chunk = index * self.ranks + self.rank
        bounds = self.starts[chunk : chunk + 2]
        data = self.impressions
        order, _ = data.by_history
        positions = order[bounds[0] : bounds[1]] if len(bounds) == 2 else order[:0]
        positions = positions.astype(np.int64)
        used, owner = np.unique(data.history_index[positions], return_inverse=True)
        flat, offsets = data.candidate_positions(positions)
        return EvaluationChunk(
            histories=torch.from_numpy(data.histories[used]),
            owner=torch.from_numpy(owner),
            positions=torch.from_numpy(positions),
            offsets=torch.from_numpy(offsets),
            candidates=torch.from_numpy(data.candidates[flat]),
            labels=None if data.labels is None else torch.from_numpy(data.labels[flat]),
        )
