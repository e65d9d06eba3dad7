"""The registry needs an account; what can be told without one is told in one line."""

import shutil

import pytest
from exported_runs import make_run
from run_script import assert_one_line

from nrms_torch.errors import InputError
from nrms_torch.tracking.registry import log_bundle, register
from nrms_torch.tracking.wandb_run import has_key, options
from nrms_torch.training.run_folder import RunFolder


def link(run, bundle):
    return register(
        RunFolder(run), bundle, registry="model", collection="nrms", aliases=["staging"]
    )


def test_a_registry_without_a_key_is_refused_before_anything_is_logged(
    exported, logged_out, tmp_path
):
    run, bundle = exported("nrms_docvec")
    with pytest.raises(InputError, match=r"no key.*WANDB_API_KEY"):
        link(run, bundle)
    assert not (run / "wandb").exists()


def test_a_registry_is_never_offline(exported, logged_out, monkeypatch, tmp_path):
    source, bundle = exported("nrms_docvec")
    run = shutil.copytree(source, tmp_path / "run")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_MODE", "offline")
    with pytest.raises(InputError, match="WANDB_MODE is offline"):
        link(run, bundle)


def test_nothing_is_registered_with_a_wandb_that_is_disabled(exported, logged_out, monkeypatch):
    run, bundle = exported("nrms_docvec")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with pytest.raises(InputError, match="WANDB_MODE is disabled"):
        link(run, bundle)
    assert not (run / "wandb.json").exists()


@pytest.mark.parametrize("aliases", ["production", "null"])
def test_aliases_are_a_list(exported, call, aliases):
    run, _ = exported("nrms_docvec")
    status, error = call("register_model", f"run={run}", f"aliases={aliases}")
    assert_one_line(status, error, "error: aliases: expected a list such as [staging], found ")


def test_a_bundle_of_another_checkpoint_is_not_logged(exported, demo_folder, logged_out, tmp_path):
    run, bundle = exported("nrms_docvec")
    other = tmp_path / "other"
    make_run("nrms_docvec", "standard", demo_folder, other)
    with pytest.raises(InputError, match="not made of"):
        log_bundle(RunFolder(other), bundle)
    with pytest.raises(InputError, match=r"has no model\.json"):
        log_bundle(RunFolder(run), run)


def test_a_run_is_online_where_there_is_a_key(logged_out, monkeypatch, tmp_path):
    assert not has_key()
    assert options(tmp_path)["mode"] == "offline"
    (logged_out / ".netrc").write_text("machine api.wandb.ai login user password secret\n")
    (logged_out / ".netrc").chmod(0o600)
    assert has_key()
    assert options(tmp_path)["mode"] == "online"
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert not has_key(), "a key is one server's"
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    assert has_key()
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert options(tmp_path)["mode"] == "offline", "the user's own word counts more"
