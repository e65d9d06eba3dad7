"""Stand-in articles: a folder that ordinary commands take, over the impressions' own files."""

import hashlib

import numpy as np
import polars as pl
import pytest

from nrms_torch.data import ebnerd
from nrms_torch.data.articles import article_texts, vector_table
from nrms_torch.data.config import DataConfig
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.data.demo import stand_in
from nrms_torch.data.demo.generate import generate
from nrms_torch.data.demo.stand_in import write_stand_in
from nrms_torch.errors import InputError


@pytest.fixture(scope="module")
def impressions_alone(tmp_path_factory):
    """Generated impressions of three splits, whose articles are taken away."""
    folder = tmp_path_factory.mktemp("impressions") / "data"
    generate(folder, impressions=300)
    (folder / "articles.parquet").unlink()
    (folder / "document_vectors.parquet").unlink()
    return folder


@pytest.fixture(scope="module")
def made(impressions_alone):
    output = impressions_alone.parent / "made"
    return output, write_stand_in(impressions_alone, output, seed=1, width=12)


def ids_in(folder):
    """All article ids of a folder's files, read without our reader."""
    ids = set()
    for split in ("train", "validation", "test"):
        behaviors = pl.read_parquet(folder / split / "behaviors.parquet")
        history = pl.read_parquet(folder / split / "history.parquet")
        for lists in (behaviors["article_ids_inview"], history["article_id_fixed"]):
            ids.update(id_ for ids in lists.to_list() for id_ in ids)
    return ids


def test_every_article_that_occurs_has_a_title_and_a_vector(impressions_alone, made):
    output, number = made
    expected = sorted(ids_in(impressions_alone))
    assert number == len(expected)
    assert ebnerd.read_articles(output).collect()["article_id"].to_list() == expected
    table = vector_table(output / "document_vectors.parquet")
    assert table.ids.to_list() == expected
    np.testing.assert_allclose(np.linalg.norm(table.features[1:], axis=1), 1, rtol=1e-6)
    assert table.features.shape == (1 + number, 12)


def test_titles_fill_thirty_tokens_with_words_that_repeat_as_in_a_language(made):
    _, texts = article_texts(ebnerd.read_articles(made[0]), ("title",))
    words = [text.split() for text in texts]
    assert min(map(len, words)) >= 30
    counts = pl.Series([word for title in words for word in title]).value_counts(sort=True)["count"]
    # Zipf: the tenth word occurs a tenth as often as the first.
    assert 0.05 < counts[9] / counts[0] < 0.2
    assert len(counts) > 2_000


@pytest.mark.slow
def test_both_models_find_every_article_known(made):
    output, _ = made
    for title_size, vectors in ((30, None), (None, str(output / "document_vectors.parquet"))):
        config = DataConfig(format="ebnerd", path=str(output), vectors=vectors)
        data = NewsDataModule(config, history_size=20, title_size=title_size, seed=1)
        for split in ("train", "validation", "test"):
            assert data.impressions(split).unknown_articles == 0
            assert len(data.impressions(split)) > 0


def test_files_of_the_splits_are_linked_and_not_copied(impressions_alone, made):
    for split in ("train", "validation", "test"):
        for name in ("behaviors.parquet", "history.parquet"):
            link = made[0] / split / name
            assert link.is_symlink()
            assert link.readlink().is_absolute()
            assert link.resolve() == (impressions_alone / split / name).resolve()


def digests(folder):
    return [
        hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("articles.parquet", "document_vectors.parquet")
    ]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    impressions_alone, made, tmp_path
):
    for name, seed in (("again", 1), ("other", 2)):
        write_stand_in(impressions_alone, tmp_path / name, seed=seed, width=12)
    assert digests(tmp_path / "again") == digests(made[0])
    assert not set(digests(tmp_path / "other")) & set(digests(made[0]))


def test_articles_made_in_parts_are_all_there(impressions_alone, made, tmp_path, monkeypatch):
    monkeypatch.setattr(stand_in, "ROWS", 50)
    assert write_stand_in(impressions_alone, tmp_path / "parts", seed=1, width=12) == made[1]
    articles = pl.read_parquet(tmp_path / "parts" / "articles.parquet")
    assert articles["title"].n_unique() == made[1]
    assert len(vector_table(tmp_path / "parts" / "document_vectors.parquet").ids) == made[1]


def test_ids_0_and_null_get_no_article(ebnerd_folder, tmp_path):
    path = ebnerd_folder / "train" / "behaviors.parquet"
    table = pl.read_parquet(path).with_columns(
        article_ids_inview=pl.Series([[10, 0, 12], [12, None, 10], [13]], dtype=pl.List(pl.Int32))
    )
    table.write_parquet(path)
    write_stand_in(ebnerd_folder, tmp_path / "made", seed=1, width=2)
    articles = pl.read_parquet(tmp_path / "made" / "articles.parquet")
    assert articles["article_id"].to_list() == [10, 11, 12, 13]


def test_a_folder_in_use_is_left_as_it_is(impressions_alone, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        write_stand_in(impressions_alone, tmp_path, seed=1, width=2)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_without_a_split_is_told(tmp_path):
    with pytest.raises(InputError, match="has no split; expected a folder train"):
        write_stand_in(tmp_path, tmp_path / "made", seed=1, width=2)
    with pytest.raises(InputError, match="no such folder"):
        write_stand_in(tmp_path / "absent", tmp_path / "made", seed=1, width=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"width": 0}, {"width": "wide"}])
def test_a_seed_or_width_that_is_none_is_refused(impressions_alone, tmp_path, wrong):
    with pytest.raises(InputError, match=f"{next(iter(wrong))}: expected an integer"):
        write_stand_in(impressions_alone, tmp_path / "made", **{"seed": 1, "width": 2, **wrong})
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_where_a_file_is_damaged(ebnerd_folder, tmp_path):
    (ebnerd_folder / "validation" / "history.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"validation.history\.parquet: cannot be read"):
        write_stand_in(ebnerd_folder, tmp_path / "made", seed=1, width=2)
    assert not (tmp_path / "made").exists()
