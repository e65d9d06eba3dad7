"""A split's candidates scored on all ranks of a Trainer, and written as one file."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import polars as pl
import torch
from polars.io.plugins import register_io_source
from torch import Tensor

from nrms_torch.data.impressions import Impressions
from nrms_torch.data.loading import EvaluationChunk
from nrms_torch.data.schema import IMPRESSION_ID
from nrms_torch.errors import InputError
from nrms_torch.evaluation.metrics import impression_of
from nrms_torch.evaluation.prediction_parts import (
    POSITION,
    RANK,
    ROW_GROUP,
    SCORE,
    PartWriter,
    Predictions,
    joined,
)
from nrms_torch.evaluation.ranking import ranks
from nrms_torch.evaluation.submission import submission_lines, write_submission
from nrms_torch.files import read_json, replacing, require_writable

_NOTE = "made_of.json"
SUBMISSION, TABLE = ".zip", ".parquet"
_TABLE_SCHEMA = {
    IMPRESSION_ID: pl.Int64(),
    "scores": pl.List(pl.Float32),
    "ranks": pl.List(pl.Int32),
}


class PredictionWriter(L.Callback):
    """Writes what `Trainer.predict` scores as `output`, a submission (.zip) or a table (.parquet).

    Each rank writes the impressions it scored as parts in a hidden folder beside `output`, which
    `join` makes into the file. Neither a rank that is killed nor a failure leaves a piece of the
    file. Parts that a killed or stopped run left are gone on from where they are `made_of` the
    same, and removed where they are not.
    """

    def __init__(self, output: Path) -> None:
        """Take the file to write; InputError where it is of another kind or cannot be written."""
        if output.suffix not in (SUBMISSION, TABLE):
            raise InputError(
                f"output: {output} ends in neither {SUBMISSION}, a submission, nor {TABLE}, "
                "a table of scores and ranks"
            )
        require_writable(output)
        self.output = output
        self.parts = output.with_name(f".{output.name}.parts")
        # Makes other scores (N,) of impressions (I,) and their dots (N,), as late features do.
        self.rescore: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
        # What decides each score; parts that other things decided are of no use.
        self.made_of: dict[str, Any] = {}
        self._writer: PartWriter

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Make the folder of parts, on rank 0, and have each rank go on after those in it."""
        datamodule = trainer.datamodule  # type: ignore[attr-defined]
        if trainer.is_global_zero:
            self._make_folder({**self.made_of, "ranks": trainer.world_size})
        trainer.strategy.barrier("parts folder")
        datamodule.predicted_chunks = 0
        chunks = len(datamodule.predict_dataloader())
        self._writer = PartWriter(self.parts, trainer.global_rank, chunks)
        datamodule.predicted_chunks = self._writer.done
        if trainer.is_global_zero and self._writer.done:
            print(f"{self.parts}: going on after {self._writer.done / chunks:.0%} of the split")

    def _make_folder(self, made_of: Mapping[str, Any]) -> None:
        note = self.parts / _NOTE
        try:
            is_same = read_json(note) == made_of
        except InputError:
            is_same = False
        if not is_same:
            shutil.rmtree(self.parts, ignore_errors=True)
            self.parts.mkdir()
            note.write_text(json.dumps(made_of), encoding="utf-8")

    def on_predict_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: EvaluationChunk,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Take the dot products `outputs` (N,) of a chunk."""
        if self.rescore is not None:
            rescored = self.rescore(batch.positions.cpu().numpy(), outputs.cpu().numpy())
            outputs = torch.from_numpy(rescored)
        self._writer.add(_candidates(outputs, batch, with_scores=self.output.suffix == TABLE))

    def on_predict_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the last part, and wait until all ranks have."""
        self._writer.flush()
        trainer.strategy.barrier("parts written")

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Remove the parts, where a failure would come again; who was stopped can go on."""
        if trainer.is_global_zero and isinstance(exception, InputError | OSError):
            shutil.rmtree(self.parts, ignore_errors=True)

    def join(self, impressions: Impressions, challenge: str) -> None:
        """Make `output` of the parts of all ranks, on rank 0 after `Trainer.predict`.

        A submission is to the challenge with data of the format `challenge`.

        Raises:
            InputError: parts of a rank are missing.
        """
        try:
            predictions = joined(self.parts, impressions.offsets)
            if self.output.suffix == SUBMISSION:
                write_submission(self.output, _lines(predictions, impressions), challenge)
            else:
                _write_table(self.output, predictions, impressions)
        finally:
            shutil.rmtree(self.parts, ignore_errors=True)


def _candidates(scores: Tensor, chunk: EvaluationChunk, *, with_scores: bool) -> pl.DataFrame:
    columns = {
        POSITION: chunk.positions.cpu().numpy()[impression_of(chunk.offsets.cpu().numpy())],
        RANK: ranks(scores, chunk.offsets).int().cpu().numpy(),
    }
    if with_scores:
        columns[SCORE] = scores.cpu().numpy()
    return pl.DataFrame(columns)


def _lines(predictions: Iterator[Predictions], impressions: Impressions) -> Iterator[str]:
    return chain.from_iterable(
        submission_lines(ids, window.ranks, offsets)
        for window in predictions
        for ids, offsets in [_place(window, impressions)]
    )


def _write_table(path: Path, predictions: Iterator[Predictions], impressions: Impressions) -> None:
    """Write a row an impression, `scores` and `ranks` in the order of its candidates."""
    tables = (_table(window, impressions) for window in predictions)
    with replacing(path) as temporary:
        source = register_io_source(lambda *_: tables, schema=_TABLE_SCHEMA)
        source.sink_parquet(temporary, row_group_size=ROW_GROUP)


def _table(window: Predictions, impressions: Impressions) -> pl.DataFrame:
    ids, offsets = _place(window, impressions)
    owner = np.repeat(np.arange(len(ids)), np.diff(offsets))
    lists = (
        pl.DataFrame({"owner": owner, "scores": window.scores, "ranks": window.ranks})
        .group_by("owner", maintain_order=True)
        .agg("scores", "ranks")
    )
    return lists.select(pl.Series(IMPRESSION_ID, ids[lists["owner"].to_numpy()]), "scores", "ranks")


def _place(window: Predictions, impressions: Impressions) -> tuple[np.ndarray, np.ndarray]:
    """Give the window's impression ids (I,) and its offsets (I + 1,) from 0."""
    end = impressions.offsets[window.first] + len(window.ranks)
    stop = int(np.searchsorted(impressions.offsets, end))
    offsets = impressions.offsets[window.first : stop + 1]
    return impressions.impression_ids[window.first : stop], offsets - offsets[0]
