"""The reference's side: training and scoring as its users have them, its own loaders included."""

import json
import os
import time
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.speed.turns import Turns

if TYPE_CHECKING:
    from nrms_tf_reference.data import Batch
    from nrms_tf_reference.reference import Reference

# What shared_rows writes into a folder; it is not imported here, as it would bring torch along.
FEATURES, ROWS, MODEL = "features.npy", "rows.npz", "model.json"


def train(turns: Turns, folder: str, batch_size: int) -> None:
    """Fit on the rows of a folder; a step is a batch, the lookup of its features included."""
    reference = _build(Path(folder))
    from nrms_tf_reference.data import Impression, TrainingLoader

    with np.load(Path(folder) / ROWS) as rows:
        fields = zip(
            rows["history"].tolist(), rows["candidates"].tolist(), rows["labels"], strict=True
        )
        impressions = [Impression(*row) for row in fields]
    loader = TrainingLoader(
        impressions, _lookup(folder), reference.hyper_parameters.history_size, batch_size
    )
    reference.fit(_paced(turns, loader, work_of=lambda batch: len(batch.labels)))


def score(turns: Turns, folder: str, batch_size: int) -> None:
    """Score every candidate of a sample with its history repeated; a step is a batch.

    The scorer's compiled predict, which is quicker than calling it.
    """
    reference = _build(Path(folder))
    from nrms_tf_reference.data import EvaluationLoader, Impression

    with np.load(Path(folder) / ROWS) as rows:
        bounds = rows["offsets"][1:-1]
        candidates, labels = (np.split(rows[name], bounds) for name in ("candidates", "labels"))
        impressions = [
            Impression(history, shown.tolist(), clicked.astype(int).tolist())
            for history, shown, clicked in zip(
                rows["history"].tolist(), candidates, labels, strict=True
            )
        ]
    loader = EvaluationLoader(
        impressions, _lookup(folder), reference.hyper_parameters.history_size, batch_size
    )
    for batch in _paced(turns, loader, work_of=lambda batch: len(batch.labels)):
        reference.scorer.predict_on_batch([batch.history, batch.candidates])


def _build(folder: Path) -> "Reference":
    """Make the model of a folder, TensorFlow held to as many threads as OpenMP is."""
    import tensorflow as tf

    threads = int(os.environ["OMP_NUM_THREADS"])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    from nrms_tf_reference.reference import build

    return build(json.loads((folder / MODEL).read_text()))


def _lookup(folder: str) -> Any:
    """Make the reference's own lookup; rows of the features serve as ids, 0 as the unknown."""
    from nrms_tf_reference.data import ArticleLookup

    features = np.load(Path(folder) / FEATURES)
    return ArticleLookup(dict(enumerate(features[1:], start=1)))


def _paced(turns: Turns, loader: Iterable["Batch"], work_of: Any) -> Iterator["Batch"]:
    """Give batches over and over, held still between turns; report what each turn took."""
    batches = chain.from_iterable(repeat(loader))
    while steps := turns.wait():
        began, work = time.perf_counter(), 0
        for _ in range(steps):
            batch = next(batches)
            yield batch
            work += work_of(batch)
        turns.report(seconds=time.perf_counter() - began, work=work)
