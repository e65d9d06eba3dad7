"""Document vectors from texts: the mean of a transformer's last hidden states."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import torch

from nrms_torch.data.schema import ARTICLE_ID
from nrms_torch.data.transformer import load_transformer
from nrms_torch.files import replacing

_MAX_TOKENS = 256


@torch.inference_mode()
def embed_texts(
    texts: list[str],
    transformer: str,
    *,
    batch_size: int,
    advance: Callable[[int], object],
) -> np.ndarray:
    """Embed texts (U,) as float32 vectors (U, W) of length 1, `advance` told of each batch's size.

    A vector is the mean over a text's tokens, at most 256, of the last layer, as sentence
    transformers pool it; a text without any token is zeros. Raises InputError where the
    transformer cannot be loaded.
    """
    tokenizer, model = load_transformer(transformer)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.eval().to(device)
    vectors = np.zeros((len(texts), model.config.hidden_size), dtype=np.float32)
    # Texts of like length together, so that a batch has little padding.
    order = np.argsort([len(text) for text in texts], kind="stable")
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        batch = tokenizer(
            [texts[row] for row in chosen],
            padding=True,
            truncation=True,
            max_length=_MAX_TOKENS,
            return_tensors="pt",
        ).to(device)
        mask = batch["attention_mask"].unsqueeze(-1)
        if mask.any():  # no model takes a batch without a token
            states = model(**batch).last_hidden_state
            means = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
            vectors[chosen] = torch.nn.functional.normalize(means, dim=1).float().cpu().numpy()
        advance(len(chosen))
    return vectors


def write_vectors(file: Path, ids: pl.Series, vectors: np.ndarray) -> None:
    """Write ids (U,) and vectors (U, W) as a parquet of `article_id` and `document_vector`."""
    lists = pl.Series(vectors, dtype=pl.Array(pl.Float32, vectors.shape[1])).arr.to_list()
    with replacing(file) as temporary:
        pl.DataFrame({ARTICLE_ID: ids, "document_vector": lists}).write_parquet(temporary)
