"""Bundles with weights of eight bits, and what they cost: measured, not promised."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from nrms_torch.data.schema import Split
from nrms_torch.errors import InputError
from nrms_torch.evaluation.ranking import RankingMetrics
from nrms_torch.export.graphs import save_graph
from nrms_torch.files import replacing
from nrms_torch.model.hyper_parameters import HyperParameters
from nrms_torch.serving import Bundle, Recommender
from nrms_torch.serving.bundle import NEWS_ENCODER, USER_ENCODER
from nrms_torch.serving.encoders import Encoders

# user_explain.onnx stays as it is: its parts would be rounded twice.
_GRAPHS = (NEWS_ENCODER, USER_ENCODER)
_TIMED_CALLS, _TIMED_ARTICLES = 50, 32


@dataclass(frozen=True)
class Measures:
    """A bundle's validation AUC, the size of its encoders, and how long they take in one thread."""

    auc: float
    megabytes: float
    milliseconds_a_user: float
    milliseconds_an_article: float


def validation_split(data: Any) -> Split:
    """Read the labelled validation split of a DataConfig; InputError where it has none."""
    split: Split = data.reader.read_split(data.folder, "validation")
    if not split.labelled:
        raise InputError(
            f"quantize: the validation split of {data.folder} has no labels; expected some, "
            "since what int8 costs is measured there"
        )
    return split


def quantise_graphs(folder: Path) -> None:
    """Turn the weights of the encoders in `folder` into eight bits, one scale a matrix.

    Activations are quantised as they come, with one scale a call: a score then depends a little on
    what else is in the batch. Weights have no sign: of bytes with and without one, processors that
    lack VNNI add up products in 16 bits, which overflow, and every runtime gives other vectors.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    for name in _GRAPHS:
        about = {each.key: each.value for each in onnx.load(folder / name).metadata_props}
        with replacing(folder / name) as temporary, _quiet():
            quantize_dynamic(folder / name, temporary, weight_type=QuantType.QUInt8)
            save_graph(onnx.load(temporary), temporary, about | {"precision": "int8"})


def measure(bundle: Bundle, split: Split) -> Measures:
    """Measure a bundle on a labelled split."""
    found = Recommender(bundle).score_impressions(split)
    assert found.impressions.labels is not None
    metrics = RankingMetrics()
    metrics.update(
        torch.from_numpy(found.scores),
        torch.from_numpy(found.impressions.labels),
        torch.from_numpy(found.impressions.offsets),
    )
    size = sum((bundle.folder / name).stat().st_size for name in _GRAPHS)
    return Measures(metrics.compute()["auc"].item(), size / 1e6, *_times(bundle))


def _times(bundle: Bundle) -> tuple[float, float]:
    hyper_parameters: HyperParameters = bundle.hyper_parameters
    encoders = Encoders(bundle.read, hyper_parameters, threads=1)
    rows = np.arange(hyper_parameters.history_size)[None] % len(bundle.vectors)
    clicked, articles = bundle.vectors[rows], bundle.features[:_TIMED_ARTICLES]
    user = _median_milliseconds(lambda: encoders.users(clicked, rows))
    return user, _median_milliseconds(lambda: encoders.news(articles)) / len(articles)


def _median_milliseconds(call: Callable[[], object]) -> float:
    times = []
    for _ in range(_TIMED_CALLS):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return 1e3 * float(np.median(times))


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide onnxruntime's advice on preprocessing: the exporter's optimizer has done it."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
