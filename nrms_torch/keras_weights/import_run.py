"""A run folder made of weights that Keras saved, as if they had been trained here."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from omegaconf import DictConfig, OmegaConf, open_dict

from nrms_torch.data.transformer import transformer_vocabulary
from nrms_torch.data.vocabulary import Vocabulary
from nrms_torch.errors import InputError
from nrms_torch.fields import from_fields
from nrms_torch.keras_weights import KerasWeights
from nrms_torch.model.hyper_parameters import from_mapping
from nrms_torch.model.nrms import NRMS
from nrms_torch.training.checkpoints import AtomicCheckpointIO
from nrms_torch.training.lightning_module import NRMSModule, TrainingParameters
from nrms_torch.training.origin import describe_origin
from nrms_torch.training.run_folder import RunFolder
from nrms_torch.training.start import choose_run


def import_weights(config: DictConfig) -> RunFolder:
    """Make the run folder `config.output` of the file `config.weights`.

    Sizes that the data decided, the vocabulary's, a word embedding's, a document vector's, are the
    file's; all others are `config.model`'s. Raises InputError where the weights do not fit them,
    before anything is written.
    """
    run, config, _ = choose_run(config, overrides=())
    weights = KerasWeights.read(Path(str(config.weights)))
    model: Any = OmegaConf.to_container(config.model, resolve=True)
    if model["name"] != weights.model_name:
        raise InputError(
            f"model: {config.weights} holds the weights of {weights.model_name}, "
            f"found model={model['name']}"
        )
    model |= weights.sizes()
    state = weights.state_dict(NRMS(from_mapping(model)))
    vocabulary = None
    if "vocabulary_size" in model:
        vocabulary = _whole_vocabulary(config.data.transformer, model["vocabulary_size"])
        model["pad_token"] = vocabulary.pad
    training = from_fields(TrainingParameters, "training", config.training)
    module = NRMSModule(model, vars(training), config.seed)
    module.model.load_state_dict(state)
    if config.data.path is None:
        with open_dict(config):
            del config.data["path"]  # so that evaluation asks for it
    run.begin(config, vocabulary, describe_origin())
    _save(module, run)
    return run


def _whole_vocabulary(transformer: str | None, size: int) -> Vocabulary:
    """Give a transformer's vocabulary with all of its tokens kept, in its own order.

    That is what the baseline's word-embedding table has, a row a token; rows behind the tokens are
    spare. Raises InputError where there are fewer rows than tokens.
    """
    if transformer is None:
        raise InputError(
            "data.transformer: NRMS reads titles; expected the name of the transformer whose "
            "tokenizer the weights were trained with"
        )
    vocabulary = transformer_vocabulary(transformer)
    tokens = 1 + max(vocabulary.tokenizer.get_vocab().values())
    if tokens > size:
        raise InputError(
            f"data.transformer: the tokenizer of {transformer} has {tokens} tokens, the weights "
            f"{size} word embeddings; expected the tokenizer that they were trained with"
        )
    pad = int(vocabulary.token_ids[vocabulary.pad])
    return replace(vocabulary, token_ids=np.arange(size), pad=pad)


def _save(module: NRMSModule, run: RunFolder) -> None:
    """Save the module as both of a run's checkpoints; an optimizer would begin anew."""
    trainer = L.Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        plugins=[AtomicCheckpointIO()],
    )
    trainer.strategy.connect(module)
    for file in (run.best_checkpoint, run.last_checkpoint):
        trainer.save_checkpoint(file)
