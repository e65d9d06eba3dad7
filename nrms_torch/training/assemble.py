"""From a configuration or a run folder to the data module and the LightningModule that fit it."""

from pathlib import Path
from typing import Any

import lightning as L
import torch
from omegaconf import DictConfig
from torch import Tensor

from nrms_torch.configuration import plain
from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.config import DataConfig
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.source import local_data, made_data, with_vectors
from nrms_torch.data.tables import document_vectors, titles_without_text
from nrms_torch.data.transformer import word_embeddings
from nrms_torch.data.vocabulary import Vocabulary
from nrms_torch.errors import InputError, first_line
from nrms_torch.fields import from_fields, require_integer
from nrms_torch.model.hyper_parameters import (
    NRMSDocVecHyperParameters,
    NRMSHyperParameters,
    StandardHyperParameters,
    StandardNRMSDocVecHyperParameters,
    StandardNRMSHyperParameters,
    from_mapping,
)
from nrms_torch.model.nrms import NRMS
from nrms_torch.training.checkpoints import read_checkpoint
from nrms_torch.training.lightning_module import NRMSModule, TrainingParameters
from nrms_torch.training.run_folder import RunFolder
from nrms_torch.training.standard_start import (
    know_facts,
    learn_facts,
    start_at_the_cosine,
    start_of_words,
)
from nrms_torch.training.variants import LATE_ALONE, resolve_variant


def for_training(
    config: DictConfig, vocabulary: Vocabulary | None
) -> tuple[NewsDataModule, NRMSModule]:
    """Build what `config` says, over the vocabulary of a run that is resumed, or a new one.

    Sizes that the data decides are filled in: the vocabulary's, a transformer's embedding width,
    a document vector's. Raises InputError for whatever in the configuration or the data is wrong.
    """
    resolve_variant(config)
    training = from_fields(TrainingParameters, "training", plain(config.training))
    require_integer("seed", config.seed, 0)
    model = plain(config.model)
    _check_model(model)
    data = _data_of(config, model)
    datamodule = NewsDataModule(
        data,
        history_size=model["history_size"],
        title_size=model.get("title_size"),
        seed=config.seed,
        vocabulary=vocabulary,
    )
    vocabulary, embeddings = datamodule.vocabulary, None
    is_standard = model["variant"] == "standard"
    if vocabulary is None:
        model["document_vector_size"] = datamodule.table.features.shape[1]
    else:
        embeddings = _transformer_rows(vocabulary, start=0)
        if is_standard and not _is_going_on(config):
            embeddings = start_of_words(datamodule, embeddings, model["embedding_size"])
        model["vocabulary_size"] = len(vocabulary.token_ids)
        model["pad_token"] = vocabulary.pad
        if embeddings is not None:
            model["embedding_size"] = embeddings.shape[1]
    if is_standard:
        model["categories"] = learn_facts(datamodule)
    module = NRMSModule(model, vars(training), config.seed)
    if embeddings is not None:
        module.model.set_word_embeddings(embeddings)
    module.table = torch.from_numpy(datamodule.table.features)
    if is_standard:
        start_at_the_cosine(module, datamodule)
    L.seed_everything(config.seed, verbose=False)
    return datamodule, module


def for_preparing(config: DictConfig) -> tuple[DataConfig, ArticleTable, int]:
    """Give the data, the rows of its articles and the history size that `for_training` would use.

    Of titles there are no tokens, which take long. Raises InputError as `for_training` does.
    """
    resolve_variant(config)
    model = plain(config.model)
    _check_model(model)
    data = _data_of(config, model)
    table = titles_without_text(data) if "title_size" in model else document_vectors(data)
    return data, table, model["history_size"]


def for_evaluation(run: RunFolder, overrides: DictConfig) -> tuple[NewsDataModule, NRMSModule]:
    """Build a run's best model over its own data, or over what `overrides` of `data` gives.

    Tokens that only new articles have get their transformer's word embeddings: training would not
    have moved them. Raises InputError where the run or the data cannot serve.
    """
    config = run.config()
    if config.model.name == LATE_ALONE:
        raise InputError(
            f"run: {run.path} ranks by late features alone; expected a run with a model of text"
        )
    module = load_module(run.best())
    hyper_parameters = module.model.hyper_parameters
    given = {field: value for field, value in plain(overrides).items() if value is not None}
    makes_vectors = config.data.transformer is not None and config.data.vectors is None
    is_docvec = config.model.name == "nrms_docvec"
    if "path" in given and "vectors" not in given and is_docvec and not makes_vectors:
        raise InputError("data.vectors: data.path is another folder; name its vectors too")
    data = local_data(config.data, **given)
    if config.model.name == "nrms_docvec":
        data = with_vectors(data)
    datamodule = NewsDataModule(
        data,
        history_size=hyper_parameters.history_size,
        title_size=getattr(hyper_parameters, "title_size", None),
        seed=config.seed,
        vocabulary=run.vocabulary(),
    )
    _check_fits(datamodule, module.model, run)
    if datamodule.vocabulary is not None:
        known = module.model.word_embeddings()
        if len(datamodule.vocabulary.token_ids) > len(known):
            new = _transformer_rows(datamodule.vocabulary, start=len(known))
            assert new is not None, "a tokenizer trained on articles keeps all its tokens"
            if module.model.is_standard:
                new = torch.zeros_like(new)  # of another scale than what was fitted to sentences
            module.model.set_word_embeddings(torch.cat([known, new]))
    if isinstance(hyper_parameters, StandardHyperParameters):
        know_facts(datamodule, module, hyper_parameters.categories)
    module.table = torch.from_numpy(datamodule.table.features)
    return datamodule, module


def _data_of(config: DictConfig, model: dict[str, Any]) -> DataConfig:
    data = made_data(config.data)
    return data if "title_size" in model else with_vectors(data)


def _transformer_rows(vocabulary: Vocabulary, start: int) -> Tensor | None:
    """Give the word embeddings of tokens `start` and on; None for a tokenizer trained here."""
    if vocabulary.transformer is None:
        return None
    return torch.from_numpy(word_embeddings(vocabulary.transformer, vocabulary.token_ids[start:]))


def _is_going_on(config: DictConfig) -> bool:
    """Whether a checkpoint will replace the weights that training would start from."""
    before = config.get("resume")
    return bool(before) and RunFolder(Path(str(before))).resume_from() is not None


def _check_model(model: dict[str, Any]) -> None:
    """Complain of the user's own fields before the data is read; the data's sizes stand in."""
    sizes = (
        {"vocabulary_size": 1, "embedding_size": 1}
        if model.get("name") == "nrms"
        else {"document_vector_size": 1}
    )
    from_mapping(sizes | model)


def load_module(checkpoint: Path) -> NRMSModule:
    """Load a checkpoint on the CPU; InputError where it cannot be read."""
    found = read_checkpoint(checkpoint)
    try:
        module = NRMSModule(**found["hyper_parameters"])
        module.load_state_dict(found["state_dict"])
    except (RuntimeError, LookupError, TypeError) as error:
        raise InputError(f"{checkpoint}: of another version: {first_line(error)}") from error
    module.on_load_checkpoint(found)
    return module


def _check_fits(datamodule: NewsDataModule, model: NRMS, run: RunFolder) -> None:
    hyper_parameters = model.hyper_parameters
    titles = NRMSHyperParameters | StandardNRMSHyperParameters
    if isinstance(hyper_parameters, titles) and run.vocabulary_size() != (
        hyper_parameters.vocabulary_size
    ):
        raise InputError(
            f"{run.vocabulary_folder}: has {run.vocabulary_size()} tokens, the checkpoint "
            f"{hyper_parameters.vocabulary_size}; a run keeps the vocabulary it was trained with"
        )
    vectors = NRMSDocVecHyperParameters | StandardNRMSDocVecHyperParameters
    if isinstance(hyper_parameters, vectors):
        width = datamodule.table.features.shape[1]
        if width != hyper_parameters.document_vector_size:
            raise InputError(
                f"data.vectors: {datamodule.config.vectors} has vectors of width {width}, "
                f"{run.path} was trained on {hyper_parameters.document_vector_size}"
            )
