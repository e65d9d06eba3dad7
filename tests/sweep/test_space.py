"""W&B's sweep files as Optuna's search space."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from run_script import ROOT

from nrms_torch.errors import InputError
from nrms_torch.sweep.space import Sweep

GRID = {
    "method": "grid",
    "metric": {"name": "val/auc", "goal": "maximize"},
    "parameters": {"a.b": {"values": [1, 2]}, "c": {"values": ["x", None]}, "d": {"value": [3]}},
}
NUMBERS = st.floats(-1e6, 1e6)


def read(tmp_path, content):
    file = tmp_path / "sweep.yaml"
    file.write_text(yaml.safe_dump(content))
    return Sweep.read(file)


def bayes(parameter):
    return {**GRID, "method": "bayes", "parameters": {"a": parameter}}


def test_a_grid_has_all_its_points_once(tmp_path):
    sweep = read(tmp_path, GRID)
    points = [(point["a.b"], point["c"]) for point in sweep.points()]
    assert points == [(1, "x"), (1, None), (2, "x"), (2, None)]
    assert sweep.constants == {"d": "[3]"}
    assert all(sweep.contains(point) for point in sweep.points())
    assert not sweep.contains({"a.b": 3, "c": "x"})


@pytest.mark.parametrize("name", ["sweep", "sweep_bayes", "sweep_demo"])
def test_the_sweeps_that_come_with_the_project_can_be_run_here(name):
    assert Sweep.read(ROOT / "configs" / f"{name}.yaml").space


def test_each_distribution_is_optunas_own(tmp_path):
    for parameter, expected in (
        ({"values": [1, [2, 3]]}, CategoricalDistribution([1, "[2, 3]"])),
        ({"min": 1, "max": 3}, IntDistribution(1, 3)),
        ({"min": 0.5, "max": 3}, FloatDistribution(0.5, 3)),
        (
            {"distribution": "log_uniform_values", "min": 0.1, "max": 1},
            FloatDistribution(0.1, 1, log=True),
        ),
        (
            {"distribution": "q_uniform", "min": 0, "max": 2, "q": 0.5},
            FloatDistribution(0, 2, step=0.5),
        ),
    ):
        assert read(tmp_path, bayes(parameter)).space == {"a": expected}


@given(low=NUMBERS, high=NUMBERS)
def test_a_range_is_one_or_is_refused(tmp_path_factory, low, high):
    folder = tmp_path_factory.mktemp("sweep")
    if low < high:
        assert read(folder, bayes({"min": low, "max": high})).contains({"a": (low + high) / 2})
    else:
        with pytest.raises(InputError, match=r"parameters\.a: expected numbers min < max"):
            read(folder, bayes({"min": low, "max": high}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "expected a W&B sweep"),
        ({}, "method: None is none of grid"),
        ({"method": "grid"}, "metric: expected fields of its own, found None"),
        ({**GRID, "method": "luck"}, "method: 'luck' is none of grid"),
        ({**GRID, "metric": {"goal": "maximize"}}, "metric.name: missing"),
        ({**GRID, "metric": {"name": "auc", "goal": "up"}}, "metric.goal: 'up' is none of"),
        ({**GRID, "parameters": {"a": {"value": 1}}}, "none has more than one value"),
        ({**GRID, "parameters": {"a": {"min": 1, "max": 2}}}, "a grid is of `values` alone"),
        ({**GRID, "early_terminate": {"type": "magic"}}, "early_terminate.type: 'magic'"),
        ({**GRID, "early_terminate": {"type": "hyperband"}}, "early_terminate.min_iter"),
        ({**GRID, "early_terminate": "hyperband"}, "early_terminate: expected fields of its own"),
        (bayes({"values": None}), "parameters.a.values: expected a list of at least one"),
        (bayes({"values": []}), "parameters.a.values: expected a list of at least one"),
        (bayes({"values": "ab"}), "parameters.a.values: expected a list of at least one"),
        (bayes({"distribution": "q_uniform", "min": 1, "max": 2, "q": -1}), "a.q: expected a"),
        (
            bayes({"distribution": "q_uniform", "min": 1, "max": 2, "q": "x"}),
            "a.q: expected a",
        ),
        (bayes({"distribution": "normal", "min": 1, "max": 2}), "'normal' is none of"),
        (bayes({"distribution": "int_uniform", "min": 0.5, "max": 2}), "int_uniform cannot"),
        (bayes({"distribution": "log_uniform_values", "min": 0, "max": 2}), "log_uniform_values"),
        (bayes(3), "a: expected fields of its own, found 3"),
    ],
)
def test_a_mistake_in_a_sweep_names_its_field(tmp_path, content, message):
    with pytest.raises(InputError) as error:
        read(tmp_path, content)
    assert message in str(error.value)


def test_a_sweep_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read"):
        Sweep.read(tmp_path / "none.yaml")
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(InputError, match="no YAML"):
        Sweep.read(tmp_path / "broken.yaml")
