"""The same rows for both sides: what ours trains on or evaluates, as files that need no torch.

Dimensions: N rows, H history length, C candidates, I impressions of a sample, R table rows.
"""

import json
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.speed.ours import settings_of, whole_batches
from benchmarks.speed.reference_side import FEATURES, MODEL, ROWS
from benchmarks.speed.turns import Turns
from nrms_tf_reference.parity.twin import twin_config
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.loading import BatchSampler, TrainingBatch
from nrms_torch.training.assemble import for_training
from nrms_torch.training.lightning_module import NRMSModule

_FIELDS = ("history", "candidates", "labels")


def write_training_rows(turns: Turns, config: dict[str, Any], folder: str) -> None:
    """Write the rows of the first batches that ours trains on, as many as there are steps.

    `rows.npz` has `history` (N, H) and `candidates` (N, C), rows of the features, and `labels`.
    """
    datamodule, module = for_training(settings_of(config), None)
    while steps := turns.wait():
        batches = list(islice(_batches(datamodule), steps))
        parts = {name: torch.cat([getattr(batch, name) for batch in batches]) for name in _FIELDS}
        _write(Path(folder), datamodule, module, parts)
        turns.report(seconds=0, work=len(parts["labels"]))


def write_sample(turns: Turns, config: dict[str, Any], folder: str) -> None:
    """Write as many random validation impressions as there are steps.

    `rows.npz` has `history` (I, H), `offsets` (I + 1,), and `candidates` and `labels` of all.
    """
    datamodule, module = for_training(settings_of(config), None)
    data = datamodule.impressions("validation")
    while steps := turns.wait():
        chosen = np.random.default_rng(config["seed"]).permutation(len(data))[:steps]
        spans = [slice(data.offsets[i], data.offsets[i + 1]) for i in chosen]
        assert data.labels is not None
        parts = {
            "history": data.histories[data.history_index[chosen]],
            "candidates": np.concatenate([data.candidates[span] for span in spans]),
            "labels": np.concatenate([data.labels[span] for span in spans]),
            "offsets": np.cumsum([0, *(span.stop - span.start for span in spans)]),
        }
        _write(Path(folder), datamodule, module, parts)
        turns.report(seconds=0, work=len(chosen))


def _batches(datamodule: NewsDataModule) -> Iterator[TrainingBatch]:
    """Give whole batches, epoch after epoch, as the Trainer takes them."""
    loader = datamodule.train_dataloader()
    assert isinstance(loader.sampler, BatchSampler)
    for epoch in count():
        loader.sampler.set_epoch(epoch)
        yield from islice(loader, whole_batches(datamodule))


def _write(
    folder: Path, datamodule: NewsDataModule, module: NRMSModule, parts: dict[str, Any]
) -> None:
    np.save(folder / FEATURES, datamodule.table.features)
    np.savez(folder / ROWS, **parts)
    (folder / MODEL).write_text(json.dumps(twin_config(module)))
