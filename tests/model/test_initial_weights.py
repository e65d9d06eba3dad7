"""How weights start: tied in the baseline, at a cosine in the standard variant, from one seed."""

from itertools import combinations

import pytest
import torch
from golden_files import load_recording
from small_models import KINDS, KINDS_OF_VARIANTS, STANDARD_KINDS, initial_model

from nrms_torch.keras_weights.names import to_keras
from nrms_torch.model.hyper_parameters import from_mapping
from nrms_torch.model.nrms import NRMS


def varied(tensors):
    """Those that are not constant, as biases are at the start."""
    return {name: tensor for name, tensor in tensors.items() if (tensor != tensor.mean()).any()}


def tied_pairs(tensors):
    """Pairs of names whose tensors are equal and not constant."""
    drawn = varied(tensors)
    return {
        (a, b)
        for a, b in combinations(sorted(drawn), 2)
        if drawn[a].shape == drawn[b].shape and (drawn[a] == drawn[b]).all()
    }


@pytest.mark.parametrize("name", ["nrms_tied_init", "nrms_docvec_tied_init", "nrms_dense_layers"])
def test_the_baseline_variant_ties_what_the_baseline_ties(name):
    recording = load_recording(name)
    recorded = tied_pairs(recording.group("init_weights"))
    model = NRMS(from_mapping(recording.hyper_parameters), seed=1)
    assert tied_pairs(to_keras(model, model.state_dict())) == recorded
    assert ("user_encoder.self_attention.WK", "user_encoder.self_attention.WQ") in recorded


@pytest.mark.parametrize("kind", STANDARD_KINDS)
def test_the_standard_variant_ties_queries_to_keys_alone(kind):
    tied = tied_pairs(initial_model(kind, variant="standard").state_dict())
    assert ("user_encoder.attention.WK", "user_encoder.attention.WQ") in tied
    assert all(a.replace("WK", "WQ") == b for a, b in tied)


@pytest.mark.parametrize(("kind", "variant"), KINDS_OF_VARIANTS)
def test_the_seed_alone_decides(kind, variant):
    torch.manual_seed(1)
    first = initial_model(kind, variant=variant, seed=5).state_dict()
    torch.manual_seed(2)
    second = initial_model(kind, variant=variant, seed=5).state_dict()
    torch.testing.assert_close(second, first, rtol=0, atol=0)


@pytest.mark.parametrize(("kind", "variant"), KINDS_OF_VARIANTS)
def test_another_seed_draws_all_kernels_anew(kind, variant):
    first = initial_model(kind, variant=variant, seed=5).state_dict()
    second = initial_model(kind, variant=variant, seed=6).state_dict()
    changed = {name for name in first if not torch.equal(first[name], second[name])}
    constant = {"log_temperature", "category_scale"}
    assert changed == {name for name in varied(first) if name.split(".")[-1] not in constant}


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_fill_the_bounds_of_glorot_and_nothing_else_is_drawn(kind):
    for name, parameter in initial_model(kind).named_parameters():
        if parameter.ndim == 2:
            bound = (6 / sum(parameter.shape)) ** 0.5
            # The smallest kernel has 5 entries: all of them under bound / 3 once in 243 draws.
            assert bound / 3 < parameter.abs().max() <= bound, name
        else:
            expected = 1.0 if "batch_norm" in name and name.endswith("weight") else 0.0
            assert (parameter == expected).all(), name


def test_dense_kernels_of_one_shape_start_apart():
    state = initial_model("nrms_docvec").state_dict()
    first, second = (state[f"news_encoder.stack.dense.{layer}.weight"] for layer in (1, 2))
    assert first.shape == second.shape
    assert not torch.equal(first, second)


@pytest.mark.parametrize("kind", KINDS)
def test_wide_kernels_are_glorot_uniform(kind):
    sizes = {"head_num": 8, "head_dim": 8, "attention_hidden_dim": 50}
    units = {} if kind == "nrms" else {"newsencoder_units_per_layer": [70, 64]}
    for name, parameter in initial_model(kind, **sizes, **units).named_parameters():
        if parameter.ndim == 2 and parameter.numel() > 300:
            bound = (6 / sum(parameter.shape)) ** 0.5
            assert 0.97 * bound < parameter.abs().max() <= bound, name
            assert parameter.std().item() == pytest.approx(bound / 3**0.5, rel=0.07), name
