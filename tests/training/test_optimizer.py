"""KerasAdam against its formula in float64."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nrms_torch.model.hyper_parameters import from_mapping
from nrms_torch.model.nrms import NRMS
from nrms_torch.training.optimizer import KerasAdam, paced_adamw


def gradients(steps, scale, seed=0):
    """Gradients (steps, 20) of about `scale`, some of them zero."""
    generator = np.random.default_rng(seed)
    drawn = generator.normal(size=(steps, 20)) * scale * generator.integers(0, 2, (steps, 20))
    return drawn.astype(np.float32)


def kerass_way(gradients, learning_rates):
    """Where float64 zeros go by w -= lr √(1-β₂ᵗ) / (1-β₁ᵗ) · m / (√v + eps), βᵗ in float32."""
    w, m, v = np.zeros((3, gradients.shape[1]))
    for t, (g, lr) in enumerate(zip(gradients.astype(np.float64), learning_rates, strict=True), 1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        first, second = (1 - np.float32(beta) ** np.float32(t) for beta in (0.9, 0.999))
        w -= lr * np.sqrt(float(second)) / float(first) * m / (np.sqrt(v) + 1e-7)
    return w


def take_steps(optimizer, parameter, gradients):
    for gradient in gradients:
        parameter.grad = torch.from_numpy(gradient)
        optimizer.step()


def largest(array):
    return np.abs(array).max()


@given(exponent=st.floats(-10, 0), steps=st.integers(1, 40), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=50)
def test_steps_follow_the_formula_for_gradients_far_under_and_over_eps(exponent, steps, seed):
    drawn = gradients(steps, 10**exponent, seed)
    parameter = torch.nn.Parameter(torch.zeros(20))
    take_steps(KerasAdam([parameter], lr=1e-3), parameter, drawn)
    expected = kerass_way(drawn, [1e-3] * steps)
    assert largest(parameter.detach().numpy() - expected) <= 3e-6 * largest(expected)


@pytest.mark.parametrize("scale", [1e-9, 1.0])
def test_a_learning_rate_lowered_on_the_way_holds_from_the_next_step(scale):
    drawn, parameter = gradients(10, scale), torch.nn.Parameter(torch.zeros(20))
    optimizer = KerasAdam([parameter], lr=1e-2)
    take_steps(optimizer, parameter, drawn[:6])
    optimizer.param_groups[0]["lr"] = 2e-3
    take_steps(optimizer, parameter, drawn[6:])
    expected = kerass_way(drawn, [1e-2] * 6 + [2e-3] * 4)
    assert largest(parameter.detach().numpy() - expected) <= 3e-6 * largest(expected)


def test_what_never_had_a_gradient_never_moves_and_what_had_one_moves_on():
    # So a word-embedding table cut down to the tokens that occur trains as the whole one.
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = KerasAdam([parameter], lr=1e-3)
    take_steps(optimizer, parameter, np.array([[0, 1]], dtype=np.float32))
    before = parameter.detach().clone()
    take_steps(optimizer, parameter, np.array([[0, 0]], dtype=np.float32))
    assert parameter[0] == 1
    assert parameter[1] < before[1] < 1


@pytest.mark.parametrize("scale", [1e-9, 1.0])
@pytest.mark.parametrize("taken", [0, 1, 7])
def test_a_saved_and_loaded_state_goes_on_as_if_never_saved(scale, taken):
    drawn, parameter = gradients(12, scale), torch.nn.Parameter(torch.zeros(20))
    optimizer = KerasAdam([parameter], lr=1e-3)
    take_steps(optimizer, parameter, drawn[:taken])
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)

    resumed = torch.nn.Parameter(parameter.detach().clone())
    # Another rate and eps, which the state must replace.
    fresh = KerasAdam([resumed], lr=1.0, keras_eps=1.0)
    file.seek(0)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    take_steps(optimizer, parameter, drawn[taken:])
    take_steps(fresh, resumed, drawn[taken:])
    assert torch.equal(resumed, parameter)


def test_each_part_of_the_standard_variant_has_its_pace_and_its_decay():
    model = NRMS(
        from_mapping(
            {"name": "nrms", "variant": "standard", "vocabulary_size": 9, "embedding_size": 6}
        )
    )
    optimizer = paced_adamw(model, 1e-2, 0.1, fused=False)
    found = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    by_name = {name: found[id(each)] for name, each in model.named_parameters()}
    assert len(by_name) == len(found)
    assert by_name["user_encoder.common"] == (1e-2, 0.1)
    assert by_name["user_encoder.log_temperature"] == (1e-2, 0)
    assert by_name["user_encoder.attention.gates"] == pytest.approx((3e-2, 0.1))
    assert by_name["user_encoder.attention.WQ"] == pytest.approx((1e-3, 0.1))
    assert by_name["news_encoder.embedding.weight"] == pytest.approx((3e-4, 0))
