"""One switch gives a variant's own settings, and a field that is named keeps its value."""

import pytest
from hydra import compose, initialize_config_dir
from run_script import ROOT

from nrms_torch.errors import InputError
from nrms_torch.training.run_folder import RunFolder
from nrms_torch.training.start import choose_run
from nrms_torch.training.variants import resolve_variant


def resolved(*overrides):
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        config = compose("train", [*overrides])
    resolve_variant(config)
    return config


@pytest.mark.parametrize(
    ("model", "heads", "units"), [("nrms", 20, []), ("nrms_docvec", 16, [512, 512, 512])]
)
def test_the_baselines_settings_are_one_switch_away(model, heads, units):
    config = resolved(f"model={model}", "model.variant=baseline", "data=mind", "data.path=x")
    assert config.model.newsencoder_units_per_layer == units
    assert (config.model.head_num, config.model.head_dim) == (heads, heads)
    assert (config.model.history_size, config.model.attention_hidden_dim) == (20, 200)
    assert (config.model.dropout, config.model.newsencoder_l2_regularization) == (0.2, 1e-4)
    assert (config.data.batch_size, config.data.npratio, config.trainer.max_epochs) == (32, 4, 5)
    assert (config.training.learning_rate, config.training.weight_decay) == (1e-4, 0)


@pytest.mark.parametrize("model", ["nrms", "nrms_docvec"])
def test_the_standard_variant_is_the_default_and_has_no_field_of_the_baselines(model):
    config = resolved(f"model={model}", "data=mind", "data.path=x")
    assert config.model.variant == "standard"
    assert "dropout" not in config.model
    assert (config.model.history_size, config.data.npratio, config.data.batch_size) == (50, 20, 64)
    assert (config.training.learning_rate, config.training.weight_decay) == (3e-4, 0.01)


def test_what_is_named_is_kept_and_resolving_again_changes_nothing():
    config = resolved("model.variant=baseline", "data.npratio=7", "model.history_size=9")
    again = config.copy()
    resolve_variant(again)
    assert again == config
    assert (config.data.npratio, config.model.history_size) == (7, 9)


def test_a_setting_of_the_baseline_alone_asks_for_the_baseline(capsys):
    config = resolved("model.newsencoder_units_per_layer=[32]")
    assert (config.model.variant, config.model.head_num) == ("baseline", 16)
    assert config.data.npratio == 4
    told = capsys.readouterr().out
    assert told.startswith("model.variant: baseline, since model.newsencoder_units_per_layer is ")
    named = resolved("model.newsencoder_units_per_layer=[32]", "model.variant=standard")
    assert named.model.variant == "standard"  # and for_training refuses the setting


def test_an_unknown_variant_is_refused():
    with pytest.raises(InputError, match=r"^model\.variant: 'paper' is none of standard, baseline"):
        resolved("model.variant=paper")


def test_a_resumed_run_keeps_its_variants_settings_beside_what_is_typed(tmp_path):
    before = RunFolder(tmp_path)
    first = resolved("model.variant=baseline", "data=mind", "data.path=x", f"run={tmp_path}")
    before.begin(first, None, {})
    typed = [f"resume={tmp_path}", "data=mind", "data.path=y"]
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        config = compose("train", typed)
    _, resumed, _ = choose_run(config, typed)
    assert resumed.model == first.model
    assert dict(resumed.data) == dict(first.data) | {"path": "y"}
