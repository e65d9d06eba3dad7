"""Where the standard variant starts from: the facts of articles, their mean, and word vectors."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nrms_torch.console import progress
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.embedding import embed_texts
from nrms_torch.data.facts import (
    article_categories,
    category_names,
    in_units,
    numbered,
    popularity,
    popularity_of,
    with_facts,
)
from nrms_torch.data.tables import article_titles
from nrms_torch.data.word_vectors import (
    TITLES_FITTED,
    equally_spaced,
    fitted,
    from_co_occurrence,
    weighted_by_rarity,
)
from nrms_torch.training.lightning_module import NRMSModule


def learn_facts(datamodule: NewsDataModule) -> list[str]:
    """Put facts behind the articles' features, popularity as train has it; give the categories.

    Raises InputError where train has no click to learn from.
    """
    impressions = datamodule.rows.impressions
    table = datamodule.table
    categories = article_categories(datamodule.config, table)
    names = category_names(categories)
    units = in_units(popularity(impressions, len(table.features)))
    datamodule.table = with_facts(table, numbered(categories, names), units)
    return names


def know_facts(datamodule: NewsDataModule, module: NRMSModule, categories: Sequence[str]) -> None:
    """Put facts behind the articles' features, as a trained run knows them."""
    table = datamodule.table
    numbers = numbered(article_categories(datamodule.config, table), categories)
    datamodule.table = with_facts(table, numbers, popularity_of(table, module.popularity))


def start_at_the_cosine(module: NRMSModule, datamodule: NewsDataModule) -> None:
    """Centre the model by train's articles, and let the module keep their popularity."""
    table, impressions = datamodule.table, datamodule.rows.impressions
    seen = np.zeros(len(table.features), dtype=bool)
    seen[impressions.candidates] = True
    seen[impressions.histories] = True
    seen[0] = False
    module.model.centre(torch.from_numpy(table.features[seen]))
    units = table.features[1:, -1].astype(int).tolist()
    module.popularity = {
        article_id: unit for article_id, unit in zip(table.ids, units, strict=True) if unit
    }


def start_of_words(datamodule: NewsDataModule, embeddings: Tensor | None, size: int) -> Tensor:
    """Give word vectors to start from, before the facts are there.

    A transformer's embeddings (V, E) are fitted to its sentence vectors of the articles' titles,
    which takes minutes on a CPU, since the transformer reads them. Without a transformer they are
    (V, size) and come from which words share titles.
    """
    vocabulary, titles = datamodule.vocabulary, datamodule.table.features[1:]
    assert vocabulary is not None, "NRMS reads titles"
    if embeddings is None or vocabulary.transformer is None:
        return from_co_occurrence(titles, vocabulary.pad, len(vocabulary.token_ids), size)
    words = weighted_by_rarity(embeddings, titles, vocabulary.pad)
    chosen = equally_spaced(len(titles), TITLES_FITTED)
    texts = article_titles(datamodule.config)
    with progress("reading titles", len(chosen)) as advance:
        sentences = embed_texts(
            [texts[row] for row in chosen], vocabulary.transformer, batch_size=64, advance=advance
        )
    if sentences.shape[1] != words.shape[1]:  # a transformer may embed words more narrowly
        return words
    return fitted(words, titles[chosen], vocabulary.pad, torch.from_numpy(sentences))
