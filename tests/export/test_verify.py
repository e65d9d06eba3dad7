"""A bundle that came from elsewhere, held against the checkpoint it says it was made of."""

import json
import shutil

import numpy as np
import pytest

from nrms_torch.errors import InputError
from nrms_torch.export.check import verify
from nrms_torch.serving.bundle import seal


def reseal(bundle, **changes):
    content = json.loads((bundle / "model.json").read_text()) | changes
    seal(bundle, {k: v for k, v in content.items() if k not in ("format", "files", "digest")})


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


def test_a_bundle_that_does_not_compute_what_its_checkpoint_does_is_refused(exported, tmp_path):
    # Sealed as it should be: only its scores tell.
    run, source = exported("nrms_docvec")
    bundle = shutil.copytree(source, tmp_path / "bundle")
    vectors = np.load(bundle / "article_vectors.npy")
    np.save(bundle / "article_vectors.npy", vectors * np.float32(1.001))
    reseal(bundle)
    with pytest.raises(InputError, match=r"^the bundle's scores differ from torch's .* at most$"):
        verify(bundle, checkpoint_of(run))


def test_what_is_rounded_to_eight_bits_is_told(exported, tmp_path):
    run, source = exported("nrms_docvec")
    bundle = shutil.copytree(source, tmp_path / "bundle")
    reseal(bundle, precision="int8")
    with pytest.raises(InputError, match="is int8; only float32"):
        verify(bundle, checkpoint_of(run))
