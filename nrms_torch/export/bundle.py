"""From a run folder to a bundle: graphs, articles with their vectors, and model.json."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import torch
from omegaconf import DictConfig

import nrms_torch
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.schema import ARTICLE_ID, CATEGORY, TITLE
from nrms_torch.errors import InputError
from nrms_torch.export.check import Agreement, check_bundle
from nrms_torch.export.graphs import OPSET, require_exporter, write_graphs
from nrms_torch.export.quantize import Measures, measure, quantise_graphs, validation_split
from nrms_torch.export.readers import require_reader_count, write_readers
from nrms_torch.files import file_sha256, replacing, replacing_folder, require_replaceable
from nrms_torch.late.stage import LateStage
from nrms_torch.model.hyper_parameters import HyperParameters, to_mapping
from nrms_torch.model.nrms import NRMS
from nrms_torch.serving import Bundle, Recommender
from nrms_torch.serving.bundle import (
    ARTICLES,
    FEATURES,
    MANIFEST,
    VECTORS,
    VOCABULARY,
    seal,
)
from nrms_torch.serving.encoders import Encoders
from nrms_torch.training.assemble import for_evaluation
from nrms_torch.training.run_folder import RunFolder


@dataclass(frozen=True)
class Exported:
    """What was written: how far it is from torch, and what int8 made of it."""

    agreement: Agreement
    float32: Measures | None = None
    int8: Measures | None = None


def export_run(
    run: RunFolder, folder: Path, data: DictConfig, *, quantize: str | None, readers: int
) -> Exported:
    """Write the bundle of a run's best model over its own articles, or those that `data` gives.

    The run's late stage goes with it, and so do the histories of at most `readers` sample readers
    of the same data.

    A bundle at `folder` is replaced, by one that agrees with torch or not at all. With `quantize`
    "int8" its encoders are quantised after that, and both are measured on the validation split.
    Raises InputError where the run or the data cannot serve, or torch and the bundle differ.
    """
    require_exporter()
    if quantize not in (None, "int8"):
        raise InputError(f"quantize: {quantize!r} is none of null, int8")
    require_reader_count(readers)
    require_replaceable(folder, known_by=MANIFEST)
    with replacing_folder(folder) as temporary:
        datamodule, module = for_evaluation(run, data)
        split = validation_split(datamodule.config) if quantize else None
        model = module.model.eval()
        write_graphs(model, module.table, temporary, about=_about(run, model))
        _write_articles(datamodule, temporary)
        history_size = model.hyper_parameters.history_size
        if (late := LateStage.load(run.path)) is not None:
            late.save(temporary)
        write_readers(datamodule.config, temporary, count=readers, history_size=history_size)
        if datamodule.vocabulary is not None:
            datamodule.vocabulary.save(temporary / VOCABULARY)
        write_vectors(temporary, model.hyper_parameters)
        content = _content(run, datamodule, model, temporary)
        seal(temporary, content)
        bundle = Bundle.load(temporary)
        try:
            agreement = check_bundle(Recommender(bundle), model, datamodule.table)
        except InputError as error:
            raise InputError(f"export: {error}, so none is written") from error
        if split is None:
            return Exported(agreement)
        before = measure(bundle, split)
        quantise_graphs(temporary)
        write_vectors(temporary, model.hyper_parameters)
        content["precision"] = "int8"
        seal(temporary, content)
        after = measure(Bundle.load(temporary), split)
        return Exported(agreement, before, after)


def _about(run: RunFolder, model: NRMS) -> dict[str, str]:
    """Say in a graph's metadata of which model and which checkpoint it is."""
    return {
        "model": json.dumps(to_mapping(model.hyper_parameters)),
        "checkpoint_sha256": file_sha256(run.best()),
        "precision": "float32",
    }


def write_vectors(folder: Path, hyper_parameters: HyperParameters) -> None:
    """Encode the folder's article features by its own news encoder, and write the vectors."""
    encoders = Encoders(
        lambda name: (folder / name).read_bytes(), hyper_parameters, threads=torch.get_num_threads()
    )
    vectors = encoders.news(np.load(folder / FEATURES, mmap_mode="r"))
    # Renamed into its place, since a file that is written over changes under whoever maps it.
    with replacing(folder / VECTORS) as temporary:
        np.save(temporary, vectors)


def _write_articles(datamodule: NewsDataModule, folder: Path) -> None:
    """Write ids, titles and categories, null where the data has no articles, and the features."""
    frame = pl.DataFrame({ARTICLE_ID: datamodule.table.ids})
    articles = datamodule.config.reader.read_articles(datamodule.config.folder)
    if articles is None:
        frame = frame.with_columns(
            pl.lit(None, dtype=pl.String).alias(column) for column in (TITLE, CATEGORY)
        )
    else:
        shown = articles.select(ARTICLE_ID, TITLE, CATEGORY).collect()
        frame = frame.join(shown, on=ARTICLE_ID, how="left", maintain_order="left")
    frame.write_parquet(folder / ARTICLES)
    np.save(folder / FEATURES, datamodule.table.features)


def _content(
    run: RunFolder, datamodule: NewsDataModule, model: NRMS, folder: Path
) -> dict[str, Any]:
    """Say in model.json what was exported, from what, and by what."""
    import onnx
    import onnxscript

    table, config = datamodule.table, datamodule.config
    calibration = run.calibration()
    return {
        "model": to_mapping(model.hyper_parameters),
        "precision": "float32",
        "opset": OPSET,
        "checkpoint": {"file": run.best().name, "sha256": file_sha256(run.best())},
        "metrics": run.metrics() or None,
        "calibration": None if calibration is None else asdict(calibration),
        "data": {
            "format": config.format,
            "articles": len(table.ids),
            "fingerprint": _fingerprint(table.ids, folder),
            "text_columns": list(config.text_columns),
        },
        "versions": {
            "nrms_torch": nrms_torch.__version__,
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "onnxscript": onnxscript.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
    }


def _fingerprint(ids: pl.Series, folder: Path) -> str:
    """Hash article ids and features: the same articles, as the model reads them, or others."""
    parts = [file_sha256(folder / FEATURES), *map(str, ids)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
