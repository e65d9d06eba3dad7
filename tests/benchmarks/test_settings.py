"""The benchmark's own fields, as its configuration gives them."""

import pytest
from hydra import compose, initialize_config_dir
from run_script import ROOT

from benchmarks.speed.settings import read_settings
from nrms_torch.errors import InputError


def settings_of(*overrides):
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        return read_settings(compose("benchmark", [*overrides]))


def test_one_batch_size_is_a_list_of_one():
    assert settings_of("case=encoder", "batch=32").batches == (32,)
    assert settings_of("case=encoder", "batch=[32,64]").batches == (32, 64)


def test_a_folder_with_impressions_is_the_users_own(tmp_path):
    asked = ["case=encoder", f"data.path={tmp_path}"]
    assert settings_of(*asked).config["data"]["generate"] is not None
    (tmp_path / "train").mkdir()
    assert settings_of(*asked).config["data"]["generate"] is None


def test_other_settings_are_those_of_training():
    settings = settings_of("case=encoder", "model=nrms_docvec", "model.dropout=0.1")
    assert settings.model == "nrms_docvec"
    changed = settings.with_batch(16, dropout=0.0).config
    assert changed["data"]["batch_size"] == 16
    assert changed["model"] == settings.config["model"] | {"dropout": 0.0}
    assert settings.config["model"]["dropout"] == 0.1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["case=speed"], "case: 'speed' is none of train, evaluate, encoder, ddp"),
        (["batch=0"], "batch: expected an integer of at least 1, found 0"),
        (["batch=[]"], "batch: expected an integer of at least 1, or a list"),
        (["batch=[64,many]"], "batch: expected an integer of at least 1, found 'many'"),
        (["impressions=10"], "impressions: expected an integer of at least 100, found 10"),
        (["reference=nobody"], "reference: expected true or false, found 'nobody'"),
        (["rounds=0"], "rounds: expected an integer of at least 1, found 0"),
        (["seconds=-1"], "seconds: expected 0 <= number < inf, found -1"),
        (["threads=0"], "threads: expected an integer of at least 1, found 0"),
    ],
)
def test_a_wrong_field_is_named(overrides, message):
    with pytest.raises(InputError) as told:
        settings_of("case=encoder", *overrides)
    assert message in str(told.value)
