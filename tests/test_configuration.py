"""Configurations: composed of our files, of a user's folder, and of words."""

import pytest

from nrms_torch.configuration import CONFIGS, choices, compose, settings
from nrms_torch.errors import InputError


@pytest.fixture
def own(tmp_path):
    """A user's folder: a model of their own, and an experiment."""
    for name, text in {
        "model/mine.yaml": "defaults:\n  - nrms\nhead_num: 3\n",
        "model/nrms_docvec.yaml": "defaults:\n  - nrms\nhead_num: 5\n",
        "experiment/quick.yaml": "# @package _global_\ntrainer:\n  max_epochs: 1\n",
    }.items():
        file = tmp_path / "my configs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "my configs"


def test_a_users_folder_is_laid_over_ours(own):
    assert compose("train", ["model=mine"], config_dir=own).model.head_num == 3
    assert compose("train", [], config_dir=own).model.head_num == 5, "its files come first"
    assert compose("train", ["experiment=quick"], config_dir=own).trainer.max_epochs == 1
    assert compose("train").model.name == "nrms_docvec", "and is gone afterwards"
    assert "mine" in choices("model", own)
    with pytest.raises(InputError, match="did you mean mine"):
        compose("train", ["model=mien"], config_dir=own)


def test_the_configuration_of_a_checkout_is_its_only_copy():
    assert CONFIGS.name == "configs"
    assert CONFIGS.parent.name != "nrms_torch"


def test_a_group_can_be_left_out():
    for words in (["logger=null"], ["~logger"], ["callbacks=null"], ["~callbacks"]):
        config = compose("train", words)
        assert config[words[0].strip("~").split("=")[0]] == {}


def test_environment_variables_stand_in_for_what_is_not_said(monkeypatch):
    monkeypatch.setenv("NRMS_PORT", "81")
    monkeypatch.setenv("NRMS_HOST", "")
    assert compose("serve", ["bundle=x"]).port == "81"
    assert compose("serve", ["bundle=x", "port=82"]).port == 82
    assert compose("serve", ["bundle=x"]).host == "127.0.0.1", "nothing is no host"


def test_settings_tell_what_has_no_value_yet():
    flat = settings(compose("train", ["data=ebnerd"], complete=False))
    assert flat["data.path"] == "???"
    assert flat["trainer.devices"] == 1
