"""What is taken from a Hugging Face transformer: its tokenizer and its input embedding table."""

from typing import Any

import numpy as np

from nrms_torch.data.vocabulary import Vocabulary, from_tokenizer
from nrms_torch.errors import InputError, first_line


def transformer_vocabulary(name: str) -> Vocabulary:
    """Start a vocabulary on the tokenizer of transformer `name`, a Hub name or a local folder.

    Raises InputError where it cannot be loaded, or has no fast tokenizer or no padding token.
    """
    from transformers import AutoTokenizer

    tokenizer = _load(AutoTokenizer, name)
    if not tokenizer.is_fast or tokenizer.pad_token_id is None:
        raise InputError(
            f"data.transformer: {name} has no fast tokenizer with a padding token; expected one"
        )
    return from_tokenizer(tokenizer.backend_tokenizer, tokenizer.pad_token_id, name)


def word_embeddings(name: str, token_ids: np.ndarray) -> np.ndarray:
    """Give the input embeddings (V, E) float32 of `token_ids` (V,) in transformer `name`.

    Raises InputError where the transformer cannot be loaded or is not the tokenizer's.
    """
    from transformers import AutoModel

    table = _load(AutoModel, name).get_input_embeddings().weight.detach().float().numpy()
    if token_ids.max() >= len(table):
        raise InputError(
            f"data.transformer: {name} has {len(table)} word embeddings, but its tokenizer gives "
            f"token {token_ids.max()}"
        )
    return np.asarray(table[token_ids])


def load_transformer(name: str) -> tuple[Any, Any]:
    """Load the tokenizer and the model of transformer `name`; InputError where that fails."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = _load(AutoTokenizer, name)
    if tokenizer.pad_token_id is None:
        raise InputError(f"data.transformer: {name} has no padding token; expected one")
    return tokenizer, _load(AutoModel, name)


def _load(kind: Any, name: str) -> Any:
    from transformers.utils import logging

    logging.disable_progress_bar()  # of reading weights, a matter of a second
    try:
        return kind.from_pretrained(name)
    except Exception as error:  # safetensors and tokenizers raise a bare Exception each
        raise InputError(
            f"data.transformer: cannot load {name!r}, expected a folder with a model or a model's "
            f"name on the Hub: {first_line(error)}"
        ) from error
