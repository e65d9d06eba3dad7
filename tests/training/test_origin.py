"""What is kept of where a run came from, and what is not."""

import pytest
import torch
from omegaconf import OmegaConf

from nrms_torch.errors import InputError
from nrms_torch.training.no_secrets import refuse_secrets, resolve_without_secrets
from nrms_torch.training.origin import describe_origin, differences


def test_an_origin_tells_code_packages_and_machine(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/some/where/train.py", "seed=3"])
    origin = describe_origin(devices=2)
    assert origin["command"] == ["train.py", "seed=3"]
    assert origin["packages"]["torch"] == torch.__version__
    assert origin["machine"]["devices"] == 2
    assert len(origin["code"]["source"]) == 64
    assert not differences(origin, origin)


def test_an_origin_holds_nothing_of_the_environments_variables(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "very-secret-value")
    assert "very-secret-value" not in str(describe_origin())


def test_a_difference_of_a_package_that_computes_nothing_is_none():
    now = describe_origin()
    before = {**now, "packages": now["packages"] | {"pytest": "0.1"}}
    assert not differences(before, now)


def test_each_difference_that_counts_is_told():
    now = describe_origin()
    before = {
        **now,
        "python": "3.0",
        "packages": now["packages"] | {"numpy": "0.1"},
        "machine": now["machine"] | {"threads": 99},
    }
    assert len(differences(before, now)) == 3
    assert f"threads 99, now {torch.get_num_threads()}" in differences(before, now)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"logger": {"wandb": {"api_key": "x"}}}, "logger.wandb.api_key"),
        ({"list": [{"password": "x"}]}, "list.0.password"),
        ({"data": {"path": "https://user:word@host/data"}}, "data.path"),
    ],
)
def test_a_secret_in_the_configuration_is_refused_by_its_field(fields, name):
    with pytest.raises(InputError, match=f"{name}: holds a secret"):
        refuse_secrets(OmegaConf.create(fields))


def test_what_only_names_a_secret_or_only_sounds_like_one_is_kept():
    fields = {
        "api_key": "${oc.env:WANDB_API_KEY}",
        "token": None,
        "pad_token": 1,
        "monitor": "val/auc",
        "path": "s3://bucket/a@b:c",
        "missing": "???",
    }
    refuse_secrets(OmegaConf.create(fields))


def test_a_secret_of_the_environment_is_shown_as_it_is_written(monkeypatch):
    monkeypatch.setenv("COMET", "very-secret-value")
    monkeypatch.setenv("STORE", "https://user:very-secret-value@host")
    fields = {
        "run": "runs/one",
        "logger": {"api_key": "${oc.env:COMET}", "save_dir": "${run}", "again": "${logger.url}"},
        "stores": ["${oc.env:STORE}", "plain"],
    }
    fields["logger"]["url"] = "${oc.env:STORE}/data"
    fields["other"] = "${logger}"
    shown = resolve_without_secrets(OmegaConf.create(fields))
    assert "very-secret-value" not in str(shown)
    assert shown["logger"]["save_dir"] == "runs/one"
    assert shown["logger"]["api_key"] == "${oc.env:COMET}"
    assert shown["stores"] == ["${oc.env:STORE}", "plain"]
    assert shown["other"]["api_key"] == "${logger}"
