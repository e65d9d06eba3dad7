"""Where document vectors come from when nobody names them, and tables in memory."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from tiny_transformer import save_tiny_transformer

from nrms_torch.data.config import DataConfig
from nrms_torch.data.in_memory import as_polars, data_folder
from nrms_torch.data.source import with_vectors
from nrms_torch.errors import InputError


@pytest.fixture(scope="module")
def transformer(tmp_path_factory):
    return save_tiny_transformer(tmp_path_factory.mktemp("transformer"))


@pytest.fixture
def folder(demo_folder, tmp_path):
    """Articles alone, a few of them."""
    few = tmp_path / "few"
    few.mkdir()
    pl.read_parquet(demo_folder / "articles.parquet").head(20).write_parquet(
        few / "articles.parquet"
    )
    return few


def config(folder, **more):
    return DataConfig(format="ebnerd", path=str(folder), **more)


def test_a_named_transformer_makes_the_vectors_of_the_titles_once(folder, transformer, capsys):
    data = config(folder, transformer=transformer)
    made = with_vectors(data)
    table = pl.read_parquet(made.vectors)
    assert len(table) == 20
    assert table["document_vector"].list.len().unique().to_list() == [8]
    assert "20 vectors of width 8" in capsys.readouterr().out
    assert with_vectors(data).vectors == made.vectors
    assert "vectors of width" not in capsys.readouterr().out
    other = with_vectors(config(folder, transformer=transformer, text_columns=("title", "body")))
    assert other.vectors != made.vectors
    articles = pl.read_parquet(folder / "articles.parquet")
    articles.with_columns(title=pl.lit("quick")).write_parquet(folder / "articles.parquet")
    assert with_vectors(data).vectors != made.vectors, "of other titles"


def test_vectors_of_titles_that_have_changed_are_made_again(folder, transformer, capsys):
    data = config(folder, transformer=transformer)
    file = Path(with_vectors(data).vectors)
    sound = pl.read_parquet(file)
    content = bytearray(file.read_bytes())
    content[len(content) // 4] ^= 1
    file.write_bytes(content)
    capsys.readouterr()
    assert with_vectors(data).vectors == str(file)
    assert f"{file}: damaged; made again" in capsys.readouterr().out
    assert pl.read_parquet(file).equals(sound)


def test_vectors_that_are_named_or_lie_in_the_folder_are_taken(folder, demo_folder, transformer):
    assert with_vectors(config(folder, vectors="mine.parquet")).vectors == "mine.parquet"
    shutil.copy(demo_folder / "document_vectors.parquet", folder)
    own = folder / "document_vectors.parquet"
    assert with_vectors(config(folder)).vectors == str(own)
    assert with_vectors(config(folder, transformer=transformer)).vectors != str(own)


def test_without_any_of_them_it_is_said_what_can_be_done(folder):
    with pytest.raises(InputError, match=r"data\.vectors: .*data\.transformer=NAME.*model=nrms"):
        with_vectors(config(folder))


def test_equal_tables_are_one_folder_and_others_another(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    articles = pl.read_parquet(folder / "articles.parquet")
    one = data_folder({"articles": articles})
    assert data_folder({"articles": articles.clone()}) == one
    assert data_folder({"articles": articles.head(3)}) != one
    assert pl.read_parquet(one / "articles.parquet").equals(articles)
    assert len(list((tmp_path / "cache/nrms-torch/tables").iterdir())) == 2, (
        "and nothing unfinished"
    )


def test_tables_of_other_libraries_are_read():
    class Arrow:
        """What pandas 2.2, pyarrow and others are to one another."""

        def __arrow_c_stream__(self, requested_schema=None):
            return pl.DataFrame({"a": [1, 2]}).__arrow_c_stream__(requested_schema)

    for table in (Arrow(), {"a": [1, 2]}, pl.LazyFrame({"a": [1, 2]}), pl.DataFrame({"a": [1, 2]})):
        assert as_polars("x", table).to_dict(as_series=False) == {"a": [1, 2]}
    with pytest.raises(InputError, match="x: cannot be read as a table"):
        as_polars("x", {"a": [1], "b": [1, 2]})
