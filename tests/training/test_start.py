"""Where a run begins, as each rank of a launch sees it."""

import pytest
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import OmegaConf

from nrms_torch.errors import InputError
from nrms_torch.training.run_folder import RunFolder
from nrms_torch.training.start import choose_run
from nrms_torch.training.variants import resolve_variant


def config(run=None):
    model = {"name": "nrms", "variant": "standard"}
    places = {"run": run, "resume": None, "repeat": None}
    return OmegaConf.create({**places, "model": model, "data": {}, "training": {}})


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("NRMS_TORCH_RUN", "TORCHELASTIC_RUN_ID", "SLURM_PROCID"):
        # Set first, so that what the test adds is taken away after it.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_ranks_that_a_run_launches_find_the_name_that_it_chose(monkeypatch):
    run, *_ = choose_run(config(), overrides=())
    run.path.mkdir(parents=True)
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    again, *_ = choose_run(config(), overrides=())
    assert again.path == run.path


def test_a_named_run_is_the_same_on_every_rank_whatever_ran_before(monkeypatch):
    choose_run(config(), overrides=())
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    run, *_ = choose_run(config("mine"), overrides=())
    assert str(run.path) == "mine"


def test_a_second_run_of_a_process_has_a_folder_of_its_own():
    first, *_ = choose_run(config(), overrides=())
    first.path.mkdir(parents=True)
    second, *_ = choose_run(config(), overrides=())
    assert second.path != first.path


def test_ranks_that_nobody_named_a_run_for_could_not_agree(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    with pytest.raises(InputError, match="run=FOLDER"):
        choose_run(config(), overrides=())


def test_a_secret_is_refused_where_a_run_is_resumed_too():
    given = dict(config()) | {"resume": "runs/one", "logger": {"api_key": "very-secret-value"}}
    with pytest.raises(InputError, match=r"logger\.api_key: holds a secret"):
        choose_run(OmegaConf.create(given), overrides=["logger.api_key=very-secret-value"])


def begun(tmp_path):
    """Begin a run with settings of its own in several sections."""
    own = {"trainer": {"max_epochs": 1, "precision": "bf16-mixed", "gradient_clip_val": 0.5}}
    own["callbacks"] = {"best": {"monitor": "val/auc"}, "early_stopping": {"patience": 9}}
    first = OmegaConf.merge(config(str(tmp_path / "run")), own, {"seed": 1})
    resolve_variant(first)
    RunFolder(tmp_path / "run").begin(first, None, {})
    return first


@pytest.mark.parametrize(
    ("typed", "changed"),
    [
        ("trainer.max_epochs=2", {"trainer": {"max_epochs": 2}}),
        ("+trainer.barebones=true", {"trainer": {"barebones": True}}),
        ("callbacks.early_stopping.patience=3", {"callbacks": {"early_stopping": {"patience": 3}}}),
        ("~callbacks.early_stopping", {"callbacks": {"early_stopping": ...}}),
        ("~callbacks", {"callbacks": ...}),
    ],
)
def test_what_is_resumed_is_what_was_begun_but_for_what_is_named(tmp_path, typed, changed):
    first = begun(tmp_path)
    defaults = {"trainer": {"max_epochs": 5, "precision": "32-true", "gradient_clip_val": None}}
    defaults["callbacks"] = {"best": {"monitor": "val/auc"}, "early_stopping": {"patience": 4}}
    again = OmegaConf.merge(config(), defaults, {"seed": 1, "resume": str(tmp_path / "run")})
    expected = OmegaConf.to_container(first)
    for place in (again, expected):
        laid_over(place, changed)
    resumed = choose_run(again, [f"resume={tmp_path / 'run'}", typed]).config
    for section in ("trainer", "callbacks", "seed"):
        assert resumed.get(section) == expected.get(section)


def laid_over(place, changed):
    for name, value in changed.items():
        if value is ...:
            del place[name]
        elif isinstance(value, dict):
            laid_over(place[name], value)
        else:
            place[name] = value
