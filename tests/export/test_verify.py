"""A bundle that came from elsewhere, held against the checkpoint it says it was made of."""

import json
import shutil

import pytest

from nrms_torch.errors import InputError
from nrms_torch.export.verify import verify
from nrms_torch.serving.bundle import file_sha256, seal


def checkpoint_of(run):
    return run / "checkpoints" / "best.ckpt"


@pytest.mark.parametrize(("kind", "variant"), [("nrms", "standard"), ("nrms_docvec", "baseline")])
def test_a_bundle_agrees_with_its_own_checkpoint(exported, kind, variant):
    run, bundle = exported(kind, variant)
    assert verify(bundle, checkpoint_of(run)).candidates == 6_400


def test_another_checkpoint_is_refused(exported):
    _, bundle = exported("nrms_docvec")
    other, _ = exported("nrms", "standard")
    with pytest.raises(InputError, match="not the one that"):
        verify(bundle, checkpoint_of(other))
    with pytest.raises(InputError, match="no such file"):
        verify(bundle, bundle / "none.ckpt")


def test_a_bundle_whose_graph_is_another_models_does_not_pass(exported, tmp_path):
    # Sealed as it should be, and yet it does not compute what its checkpoint does.
    run, source = exported("nrms", "standard")
    bundle = shutil.copytree(source, tmp_path / "bundle")
    _, other = exported("nrms")
    for name in ("news_encoder.onnx", "article_vectors.npy"):
        shutil.copy(other / name, bundle / name)
    content = json.loads((bundle / "model.json").read_text())
    seal(bundle, {k: v for k, v in content.items() if k not in ("format", "files", "digest")})
    assert content["checkpoint"]["sha256"] == file_sha256(checkpoint_of(run))
    with pytest.raises(InputError, match="differ from torch's"):
        verify(bundle, checkpoint_of(run))


def test_what_is_rounded_to_eight_bits_is_told(exported, tmp_path):
    run, source = exported("nrms_docvec")
    bundle = shutil.copytree(source, tmp_path / "bundle")
    content = json.loads((bundle / "model.json").read_text()) | {"precision": "int8"}
    seal(bundle, {k: v for k, v in content.items() if k not in ("format", "files", "digest")})
    with pytest.raises(InputError, match="is int8; only float32"):
        verify(bundle, checkpoint_of(run))
