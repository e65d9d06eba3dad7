import numpy as np
import pytest
import torch
from golden_files import FOLDER, load_recording
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from run_script import ROOT
from tiny_transformer import WORDS, save_tiny_transformer

from nrms_torch.data.demo.generate import generate
from nrms_torch.errors import InputError
from nrms_torch.keras_weights.import_run import import_weights
from nrms_torch.training.assemble import for_evaluation
from nrms_torch.training.lightning_module import NRMSModule

SIZES = ["model.head_num=4", "model.head_dim=3", "model.attention_hidden_dim=7"]
TITLES = ["model=nrms", *SIZES]
VECTORS = ["model=nrms_docvec", *SIZES, "model.newsencoder_units_per_layer=[12,11]"]


@pytest.fixture
def imported(tmp_path):
    """Import a recorded file under the given settings, and give the run."""

    def imported(file, *overrides):
        places = [f"weights={FOLDER / file}", f"output={tmp_path / 'run'}"]
        with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
            config = compose("import_keras_weights", overrides=[*places, *overrides])
        return import_weights(config)

    return imported


@pytest.fixture(scope="module")
def transformer(tmp_path_factory):
    """A transformer whose padding token is not its first, as XLM-RoBERTa's is not."""
    return save_tiny_transformer(tmp_path_factory.mktemp("bert"), pad="news")


def refused(imported, tmp_path, *arguments):
    """Check that an import fails in one line and leaves nothing; give the line."""
    with pytest.raises(InputError) as refusal:
        imported(*arguments)
    assert not (tmp_path / "run").exists()
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("checkpoint", ["best_checkpoint", "last_checkpoint"])
@pytest.mark.parametrize(
    "file", ["nrms_docvec_keras2.h5", "nrms_docvec_keras2_tfckpt", "nrms_docvec_keras3.weights.h5"]
)
def test_checkpoints_have_the_weights_and_the_files_own_width(imported, file, checkpoint):
    run = imported(file, *VECTORS, "model.history_size=6", "model.dropout=0")
    module = NRMSModule.load_from_checkpoint(getattr(run, checkpoint), weights_only=True)
    recorded = load_recording("nrms_docvec").model()
    assert module.model.hyper_parameters.document_vector_size == 20
    assert module.model.hyper_parameters.history_size == 6
    for name, tensor in recorded.state_dict().items():
        torch.testing.assert_close(module.model.state_dict()[name], tensor, rtol=0, atol=0)


def test_a_run_without_data_leaves_it_to_evaluation(imported):
    run = imported("nrms_docvec_keras2.h5", *VECTORS)
    config = run.config()
    assert "path" not in config.data
    assert config.data.format == "ebnerd"
    assert config.model.name == "nrms_docvec"
    with pytest.raises(InputError, match=r"data\.path: missing"):
        for_evaluation(run, OmegaConf.create())


def test_a_run_keeps_the_data_it_is_told(imported):
    data = ["data=mind", "data.path=mind", "data.vectors=vectors.parquet"]
    config = imported("nrms_docvec_keras2.h5", *VECTORS, *data).config()
    assert (config.data.format, config.data.path) == ("mind", "mind")
    assert config.data.vectors == "vectors.parquet"


def test_the_vocabulary_is_all_of_the_transformers_in_its_own_order(imported, transformer):
    run = imported("nrms_keras2.h5", *TITLES, f"data.transformer={transformer}")
    vocabulary = run.vocabulary()
    assert vocabulary.transformer == transformer
    np.testing.assert_array_equal(vocabulary.token_ids, np.arange(400))
    token_ids = vocabulary.tokenise(["quick brown fox"], 5)
    expected = [WORDS.index(word) for word in ("quick", "brown", "fox", "news", "news")]
    assert vocabulary.localise(token_ids).tolist() == [expected]

    hyper_parameters = NRMSModule.load_from_checkpoint(run.best_checkpoint).model.hyper_parameters
    assert hyper_parameters.vocabulary_size == 400
    assert hyper_parameters.embedding_size == 24
    assert hyper_parameters.pad_token == WORDS.index("news")


def test_titles_are_evaluated_without_a_token_more(imported, transformer, tmp_path):
    generate(tmp_path / "data", impressions=100)
    run = imported("nrms_keras2.h5", *TITLES, f"data.transformer={transformer}")
    data = OmegaConf.create({"path": str(tmp_path / "data")})
    datamodule, module = for_evaluation(run, data)
    assert len(datamodule.impressions("validation")) == 20
    recorded = load_recording("nrms").model()
    assert torch.equal(module.model.word_embeddings(), recorded.word_embeddings())


def test_titles_need_their_tokenizer(imported, tmp_path):
    message = refused(imported, tmp_path, "nrms_keras2.h5", *TITLES)
    assert message.startswith("data.transformer: ")


def test_a_tokenizer_of_more_tokens_than_the_weights_have_is_another(imported, tmp_path):
    words = [*WORDS, *(f"word{number}" for number in range(400))]
    other = save_tiny_transformer(tmp_path / "bert", words=words)
    message = refused(imported, tmp_path, "nrms_keras2.h5", *TITLES, f"data.transformer={other}")
    assert "has 414 tokens, the weights 400 word embeddings" in message


def test_the_other_model_is_told_by_name(imported, tmp_path):
    message = refused(imported, tmp_path, "nrms_docvec_keras2.h5", *TITLES)
    assert "holds the weights of nrms_docvec, found model=nrms" in message


def test_another_head_count_names_the_layer(imported, tmp_path):
    message = refused(imported, tmp_path, "nrms_keras2.h5", *TITLES, "model.head_num=5")
    assert "layer self_attention_1: " in message


def test_a_field_that_no_model_has_is_told(imported, tmp_path):
    message = refused(imported, tmp_path, "nrms_docvec_keras2.h5", *VECTORS, "model.dropout=2")
    assert message.startswith("model.dropout: ")


def test_a_folder_in_use_is_left_alone(imported, tmp_path):
    kept = tmp_path / "run" / "notes.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        imported("nrms_docvec_keras2.h5", *VECTORS)
    assert [file.name for file in kept.parent.iterdir()] == ["notes.txt"]
