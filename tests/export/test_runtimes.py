"""A graph means the same in every runtime: onnxruntime, onnx's own reference, and OpenVINO."""

import json
import shutil

import numpy as np
import onnx
import onnx.version_converter
import pytest
from exported_runs import KINDS_OF_VARIANTS
from onnx.reference import ReferenceEvaluator

import nrms_torch
from nrms_torch.export.quantize import quantise_graphs
from nrms_torch.serving import Bundle
from nrms_torch.serving.bundle import NEWS_ENCODER, USER_ENCODER, USER_EXPLAIN
from nrms_torch.serving.encoders import Encoders

EACH = pytest.mark.parametrize(("kind", "variant"), KINDS_OF_VARIANTS)
ARTICLES, USERS = 40, 6


def by_reference(path, inputs):
    # Of what eight bits need the reference knows later versions only.
    graph = onnx.version_converter.convert_version(onnx.load(path), 21)
    return ReferenceEvaluator(graph).run(None, inputs)[0]


def by_openvino(path, inputs):
    core = pytest.importorskip("openvino").Core()
    # In float32 throughout: by default some processors compute in bfloat16.
    compiled = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(inputs)[compiled.output(0)]


RUNTIMES = pytest.mark.parametrize("other", [by_reference, by_openvino])


def vectors_of(folder, bundle):
    """What onnxruntime gives for articles and for readers of them, and how to ask another."""

    def read(name):
        return (folder / name).read_bytes()

    encoders = Encoders(read, bundle.hyper_parameters, threads=1)
    articles = np.ascontiguousarray(bundle.features[:ARTICLES])
    news = encoders.news(articles)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, ARTICLES, (USERS, bundle.hyper_parameters.history_size))
    clicks = {"clicked": news[rows]}
    if bundle.hyper_parameters.variant == "standard":
        clicks["known"] = rows != 0
    return news, encoders.users(news[rows], rows), {"articles": articles}, clicks


def largest_difference(folder, bundle, other):
    news, users, articles, clicks = vectors_of(folder, bundle)
    return max(
        np.abs(other(folder / NEWS_ENCODER, articles) - news).max(),
        np.abs(other(folder / USER_ENCODER, clicks) - users).max(),
    )


@EACH
@RUNTIMES
def test_float32_vectors_are_the_same_in_every_runtime(exported, kind, variant, other):
    folder = exported(kind, variant)[1]
    bundle = Bundle.load(folder)
    scale = max(1, np.abs(bundle.vectors).max())
    assert largest_difference(folder, bundle, other) <= 2e-5 * scale


@EACH
@RUNTIMES
def test_so_are_those_of_eight_bits(exported, kind, variant, other, tmp_path):
    folder = shutil.copytree(exported(kind, variant)[1], tmp_path / "bundle")
    bundle = Bundle.load(folder)
    scale = max(1, np.abs(bundle.vectors).max())
    _ = bundle.features
    quantise_graphs(folder)
    assert largest_difference(folder, bundle, other) <= 2e-5 * scale


@EACH
def test_weights_of_eight_bits_have_no_sign_and_are_close(exported, kind, variant, tmp_path):
    folder = shutil.copytree(exported(kind, variant)[1], tmp_path / "bundle")
    bundle = Bundle.load(folder)
    before, *_ = vectors_of(folder, bundle)
    quantise_graphs(folder)
    after, *_ = vectors_of(folder, bundle)
    assert np.abs(after - before).mean() <= 0.01 * max(1, np.abs(before).max())
    for name in (NEWS_ENCODER, USER_ENCODER):
        kinds = {each.data_type for each in onnx.load(folder / name).graph.initializer}
        assert onnx.TensorProto.INT8 not in kinds


@EACH
def test_a_graph_says_what_it_is_and_asks_no_reader_for_more_than_it_needs(
    exported, kind, variant, tmp_path
):
    original = exported(kind, variant)[1]
    folder = shutil.copytree(original, tmp_path / "bundle")
    manifest = json.loads((folder / "model.json").read_text())

    def about(name):
        graph = onnx.load(folder / name)
        assert (graph.producer_name, graph.producer_version) == (
            "nrms-torch",
            nrms_torch.__version__,
        )
        for node in graph.graph.node:
            assert "allowzero" not in {each.name for each in node.attribute}
        return {each.key: each.value for each in graph.metadata_props}

    for name in (NEWS_ENCODER, USER_ENCODER, USER_EXPLAIN):
        said = about(name)
        assert json.loads(said["model"]) == manifest["model"]
        assert said["checkpoint_sha256"] == manifest["checkpoint"]["sha256"]
        assert said["precision"] == "float32"
    quantise_graphs(folder)
    assert about(NEWS_ENCODER)["precision"] == "int8"
    assert about(NEWS_ENCODER)["checkpoint_sha256"] == manifest["checkpoint"]["sha256"]
