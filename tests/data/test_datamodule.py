import numpy as np
import polars as pl
import pytest
import torch
from tiny_transformer import WORDS, save_tiny_transformer

from nrms_torch.data.config import DataConfig
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.embedding import write_vectors
from nrms_torch.data.loading import EvaluationChunk, TrainingBatch
from nrms_torch.errors import InputError

TITLES = {10: "quick brown fox", 11: "lazy dog", 12: "news", 13: "fox jump over dog ."}
READERS = 8


@pytest.fixture
def folder(tmp_path):
    """Eight readers, half of them with a history; test has no clicks, as EB-NeRD's."""
    read = range(READERS)
    behaviors = pl.DataFrame(
        {
            "impression_id": [100 + user for user in read],
            "user_id": list(read),
            "article_ids_inview": [[10 + user % 4, 10 + (user + 1) % 4, 77] for user in read],
            "article_ids_clicked": [[10 + user % 4] for user in read],
        },
        schema_overrides={
            "impression_id": pl.UInt32,
            "user_id": pl.UInt32,
            "article_ids_inview": pl.List(pl.Int32),
            "article_ids_clicked": pl.List(pl.Int32),
        },
    )
    history = pl.DataFrame(
        {"user_id": [0, 1, 2, 3], "article_id_fixed": [[13, 12, 11, 10], [10], [77, 11], []]},
        schema_overrides={"user_id": pl.UInt32, "article_id_fixed": pl.List(pl.Int32)},
    )
    for split in ("train", "validation", "test"):
        (tmp_path / split).mkdir()
        shown = behaviors.drop("article_ids_clicked") if split == "test" else behaviors
        shown.write_parquet(tmp_path / split / "behaviors.parquet")
        history.write_parquet(tmp_path / split / "history.parquet")
    articles = {"article_id": list(TITLES), "title": list(TITLES.values())}
    pl.DataFrame(articles).write_parquet(tmp_path / "articles.parquet")
    vectors = np.arange(12, dtype=np.float32).reshape(4, 3)
    write_vectors(tmp_path / "vectors.parquet", pl.Series(list(TITLES)), vectors)
    return tmp_path


def titles_of(folder, *, vocabulary=None, **options):
    config = DataConfig(format="ebnerd", path=str(folder), batch_size=3, **options)
    return NewsDataModule(config, history_size=3, title_size=4, seed=1, vocabulary=vocabulary)


def vectors_of(folder, vectors="vectors.parquet", **options):
    file = vectors and str(folder / vectors)
    config = DataConfig(format="ebnerd", path=str(folder), vectors=file, **options)
    return NewsDataModule(config, history_size=3, title_size=None, seed=1)


def edit(path, change):
    change(pl.read_parquet(path)).write_parquet(path)


@pytest.mark.parametrize("build", [titles_of, vectors_of])
def test_training_gives_batches_of_indices_into_the_table(folder, build):
    datamodule = build(folder)
    loader = datamodule.train_dataloader()
    batches = list(loader)
    assert len(batches) == len(loader)
    assert all(isinstance(batch, TrainingBatch) for batch in batches)
    assert sum(len(batch.labels) for batch in batches) == READERS
    rows = torch.cat([torch.cat([batch.history, batch.candidates], dim=1) for batch in batches])
    assert rows.shape == (READERS, 3 + 5)
    assert 0 <= rows.min() <= rows.max() < len(datamodule.table.features)


@pytest.mark.parametrize("build", [titles_of, vectors_of])
def test_validation_gives_chunks_with_labels(folder, build):
    (chunk,) = build(folder).val_dataloader()
    assert isinstance(chunk, EvaluationChunk)
    assert sorted(chunk.positions.tolist()) == list(range(READERS))
    assert chunk.labels.sum() == READERS


def test_the_measured_split_can_be_chosen(folder):
    edit(folder / "train" / "behaviors.parquet", lambda table: table[:2])
    datamodule = titles_of(folder)
    datamodule.measured_split = "train"
    (chunk,) = datamodule.test_dataloader()
    assert len(chunk.positions) == 2


def test_a_split_without_clicks_can_be_read_but_neither_measured_nor_trained_on(folder):
    datamodule = titles_of(folder)
    assert datamodule.impressions("test").labels is None
    with pytest.raises(InputError, match="test has no labels"):
        datamodule.test_dataloader()
    edit(folder / "train" / "behaviors.parquet", lambda table: table.drop("article_ids_clicked"))
    with pytest.raises(InputError, match="train has no clicks"):
        datamodule.train_dataloader()


def test_a_train_split_without_a_usable_impression_is_refused(folder):
    edit(
        folder / "train" / "behaviors.parquet",
        lambda table: table.with_columns(pl.col("article_ids_inview").alias("article_ids_clicked")),
    )
    with pytest.raises(InputError, match="no impression of train has a click and a negative"):
        titles_of(folder).train_dataloader()


def test_a_split_is_read_once(folder):
    datamodule = titles_of(folder)
    assert datamodule.impressions("train") is datamodule.impressions("train")


def test_unknown_articles_are_row_0_and_counted(folder):
    impressions = titles_of(folder).impressions("validation")
    assert impressions.unknown_articles == 1
    assert impressions.candidates.reshape(READERS, 3)[:, 2].tolist() == [0] * READERS


def test_titles_need_articles(folder):
    (folder / "articles.parquet").unlink()
    with pytest.raises(InputError, match="no articles file"):
        titles_of(folder)
    assert len(vectors_of(folder).train_dataloader()) == 1


def test_document_vectors_must_be_given_and_be_there(folder):
    with pytest.raises(InputError, match=r"data\.vectors"):
        vectors_of(folder, vectors=None)
    with pytest.raises(InputError, match=r"none\.parquet"):
        vectors_of(folder, vectors="none.parquet")


def test_document_vectors_may_have_a_mean_for_unknown_articles(folder):
    table = vectors_of(folder, unknown_article="mean").table
    np.testing.assert_allclose(table.features[0], table.features[1:].mean(axis=0))
    assert vectors_of(folder).vocabulary is None


def test_titles_of_a_transformer_have_its_tokens(folder, tmp_path):
    name = save_tiny_transformer(tmp_path / "transformer")
    datamodule = titles_of(folder, transformer=name)
    own = datamodule.vocabulary.token_ids[datamodule.table.features]
    words = [[WORDS[token] for token in row] for row in own]
    assert words[1] == ["quick", "brown", "fox", "[PAD]"]
    assert words[4] == ["fox", "jump", "over", "dog"]
    assert datamodule.vocabulary.transformer == name


def test_a_runs_vocabulary_is_kept_and_covers_new_articles(folder, tmp_path):
    name = save_tiny_transformer(tmp_path / "transformer")
    old = titles_of(folder, transformer=name)
    edit(
        folder / "articles.parquet",
        lambda table: table.with_columns(pl.lit("foxes quick").alias("title")),
    )
    new = titles_of(folder, vocabulary=old.vocabulary)
    known = len(old.vocabulary.token_ids)
    assert new.vocabulary.token_ids[:known].tolist() == old.vocabulary.token_ids.tolist()
    assert [WORDS[token] for token in new.vocabulary.token_ids[known:]] == ["##es"]


@pytest.mark.parametrize("sampling", ["each_epoch", "once"])
def test_negatives_are_drawn_each_epoch_or_once(folder, sampling):
    loader = titles_of(folder, sampling=sampling, npratio=9).train_dataloader()
    epochs = []
    for epoch in (0, 1):
        loader.sampler.set_epoch(epoch)
        drawn = torch.cat([batch.candidates for batch in loader])
        assert drawn.shape == (READERS, 10)
        epochs.append(sorted(drawn.tolist()))
    assert (epochs[0] == epochs[1]) == (sampling == "once")


def test_a_smaller_vocabulary_can_be_asked_for(folder):
    small, usual = titles_of(folder, vocabulary_size=30), titles_of(folder)
    assert len(small.vocabulary.token_ids) < len(usual.vocabulary.token_ids)


def test_workers_are_kept_between_epochs(folder):
    loader = titles_of(folder, num_workers=1).train_dataloader()
    assert loader.persistent_workers
    first, second = [batch.candidates for batch in loader], [batch.candidates for batch in loader]
    assert all(map(torch.equal, first, second))


def test_text_columns_say_what_a_title_is(folder):
    with pytest.raises(InputError, match="no column 'lead'"):
        titles_of(folder, text_columns=("title", "lead"))
