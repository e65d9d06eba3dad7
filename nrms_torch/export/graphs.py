"""The model's parts as ONNX graphs, by torch's dynamo exporter.

Dimensions: U articles, T tokens, W document-vector width, B users, H clicks, D vector width.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import nrms_torch
from nrms_torch.errors import InputError
from nrms_torch.model import explanation
from nrms_torch.model.news_encoder import TitleEncoder
from nrms_torch.model.nrms import NRMS
from nrms_torch.model.standard import explanation as standard_explanation
from nrms_torch.model.standard.news_encoder import StandardTitleEncoder
from nrms_torch.model.standard.user_encoder import StandardUserEncoder
from nrms_torch.serving.bundle import NEWS_ENCODER, USER_ENCODER, USER_EXPLAIN

# What the exporter itself speaks, so that nothing is converted; onnxruntime reads later ones too.
OPSET = 18
# An example of one row would be exported for one row only.
_EXAMPLE_ROWS = 3


def require_exporter() -> None:
    """Raise InputError where the exporter's packages are not installed."""
    if missing := [name for name in ("onnx", "onnxscript", "onnxruntime") if not find_spec(name)]:
        raise InputError(
            f"export: {missing[0]} is not installed; expected pip install 'nrms-torch[export]'"
        )


def write_graphs(model: NRMS, features: Tensor, folder: Path, *, about: Mapping[str, str]) -> None:
    """Write the graphs of `model`, in evaluation mode on the CPU, into `folder`.

    `features` (≥ 1, T or W) are rows of the article table, of which examples are made. The first
    dimension of each input and output is free: U articles or B users. `about` becomes the metadata
    of each, for a graph may be parted from its bundle.

    - news_encoder.onnx: `articles` → `vectors` (U, D); of titles also `parts` (U, T, D), which add
      up to the vectors, in the standard variant with one more part, which is no word's; or, with
      dense layers, the pooling's `weights` (U, T).
    - user_encoder.onnx: `clicked` (B, H, D) → `users` (B, D); the standard variant takes `known`
      (B, H) too, false where a click is the unknown article or padding.
    - user_explain.onnx: those and `candidates` (B, D) → `directions` (B, H, D), whose dots with
      the clicks are what they add to the scores.
    """
    hyper_parameters = model.hyper_parameters
    size, width = hyper_parameters.history_size, hyper_parameters.vector_size
    clicks = {"clicked": torch.rand(_EXAMPLE_ROWS, size, width)}
    if model.is_standard:
        clicks["known"] = torch.ones(_EXAMPLE_ROWS, size, dtype=torch.bool)
    candidates = {"candidates": torch.rand(_EXAMPLE_ROWS, width)}
    articles = {"articles": features[:1].repeat(_EXAMPLE_ROWS, 1)}
    news, users, explain = _News(model), _Users(model), _Explain(model)
    for name, graph, inputs, outputs in (
        (NEWS_ENCODER, news, articles, news.outputs),
        (USER_ENCODER, users, clicks, ["users"]),
        (USER_EXPLAIN, explain, clicks | candidates, ["directions"]),
    ):
        save_graph(_portable(_graph(graph, inputs, outputs)), folder / name, about)


def save_graph(proto: Any, path: Path, about: Mapping[str, str]) -> None:
    """Write a graph with our name and version, and `about` as its metadata."""
    import onnx

    proto.producer_name, proto.producer_version = "nrms-torch", nrms_torch.__version__
    proto.graph.name = path.stem
    onnx.helper.set_model_props(proto, dict(about))
    onnx.save(proto, path)


class _News(nn.Module):
    def __init__(self, model: NRMS) -> None:
        super().__init__()
        self.encoder = model.news_encoder
        self.outputs = ["vectors"]
        match self.encoder:
            case StandardTitleEncoder():
                self.outputs.append("parts")
            case TitleEncoder():
                self.outputs.append("parts" if self.encoder.stack is None else "weights")

    def forward(self, articles: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        vectors: Tensor = self.encoder(articles)
        # The optimizer finds what the shares have in common with the vectors.
        match self.encoder:
            case StandardTitleEncoder():
                return vectors, standard_explanation.title_parts(self.encoder, articles)
            case TitleEncoder(stack=None):
                return vectors, explanation.title_parts(self.encoder, articles)
            case TitleEncoder():
                return vectors, explanation.title_weights(self.encoder, articles)
            case _:
                return vectors


class _Users(nn.Module):
    def __init__(self, model: NRMS) -> None:
        super().__init__()
        self.encoder = model.user_encoder

    def forward(self, clicked: Tensor, known: Tensor | None = None) -> Tensor:
        users: Tensor = self.encoder(clicked, known)
        return users


class _Explain(_Users):
    def forward(  # type: ignore[override]
        self, clicked: Tensor, candidates: Tensor, known: Tensor | None = None
    ) -> Tensor:
        if isinstance(self.encoder, StandardUserEncoder):
            assert known is not None
            return standard_explanation.click_directions(self.encoder, clicked, known, candidates)
        return explanation.click_directions(self.encoder, clicked, known, candidates)


def _graph(graph: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> Any:
    rows = torch.export.Dim("rows", min=1)
    with torch.no_grad(), _quiet():
        program: Any = torch.onnx.export(
            graph.eval(),
            kwargs=dict(inputs),
            dynamo=True,
            dynamic_shapes={name: {0: rows} for name in inputs},
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=OPSET,
            verbose=False,
        )
    return program.model_proto


def _portable(proto: Any) -> Any:
    """Drop what the exporter notes of the source code: it names the folders of this machine.

    Also that a reshape may ask for a size of 0: none of ours does, and not every reader takes it.
    """
    for node in proto.graph.node:
        kept = [each for each in node.attribute if each.name != "allowzero"]
        if node.op_type == "Reshape" and len(kept) < len(node.attribute):
            del node.attribute[:]
            node.attribute.extend(kept)
    for item in (proto, proto.graph, *proto.graph.node, *proto.graph.value_info):
        item.ClearField("doc_string")
        item.ClearField("metadata_props")
    for item in (*proto.graph.input, *proto.graph.output, *proto.graph.initializer):
        item.ClearField("doc_string")
        item.ClearField("metadata_props")
    return proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide what the exporter says of torchvision and of torch's own affairs."""
    exporter = logging.getLogger("torch.onnx._internal.exporter")
    level = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        exporter.setLevel(level)
