import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_impressions import unhurried

from nrms_torch.data.articles import ArticleTable, article_texts, title_table, vector_table
from nrms_torch.data.vocabulary import train_vocabulary
from nrms_torch.errors import InputError

VECTORS = [[1.0, 2.0], [3.0, 4.0], [8.0, 0.0]]


def table_of(ids):
    ids = ids if isinstance(ids, pl.Series) else pl.Series(ids, dtype=pl.Int64)
    return ArticleTable(ids, np.zeros((len(ids) + 1, 1), dtype=np.int32))


def saved(folder, columns, name="vectors.parquet", **options):
    pl.DataFrame(columns, **options).write_parquet(folder / name)
    return folder / name


def complaint(path):
    """The one line that a wrong file of vectors is refused with."""
    with pytest.raises(InputError) as raised:
        vector_table(path)
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)
    return str(raised.value)


def test_a_known_id_gives_its_row_and_0_null_and_unknown_ids_give_row_0():
    rows = table_of([7, 5]).rows(pl.Series([5, 0, None, 9, 7, 5]))
    assert rows.tolist() == [2, 0, 0, 0, 1, 2]
    assert rows.dtype == np.int32


@unhurried
@given(
    st.lists(st.integers(1, 40), unique=True),
    st.lists(st.none() | st.integers(0, 60)),
    st.sampled_from([pl.Int64, pl.Int32, pl.UInt32]),
)
def test_lookup_is_that_of_a_dictionary(known, ids, kind):
    row_of = {id_: row for row, id_ in enumerate(known, start=1)}
    found = table_of(known).rows(pl.Series(ids, dtype=kind))
    assert found.tolist() == [row_of.get(id_, 0) for id_ in ids]


def test_id_0_is_no_article_even_where_the_articles_have_it():
    assert table_of([0, 5]).rows(pl.Series([0, 5])).tolist() == [0, 2]


def test_text_ids_are_looked_up_as_they_are():
    rows = table_of(pl.Series(["N7", "N5"])).rows(pl.Series(["N5", None, "", "n7", "N7"]))
    assert rows.tolist() == [2, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("known", "ids"), [(pl.Series(["5"]), pl.Series([5])), (pl.Series([5]), pl.Series(["5"]))]
)
def test_text_against_integer_ids_is_the_users_mistake(known, ids):
    with pytest.raises(InputError, match=rf"{ids.dtype}.*{known.dtype}.*one kind"):
        table_of(known).rows(ids)


def test_title_table_has_a_row_0_of_zeros_and_the_titles_tokens_behind():
    texts = ["red fox", "red dog dog", "fox"] * 2
    vocabulary = train_vocabulary(texts)
    table, kept = title_table(pl.Series(range(6)), texts, vocabulary, title_size=2)
    assert table.features.shape == (7, 2)
    assert table.features.dtype == np.int32
    assert not table.features[0].any()
    np.testing.assert_array_equal(kept.token_ids[table.features[1:]], vocabulary.tokenise(texts, 2))


def test_text_columns_are_joined_by_a_space_and_stripped():
    frame = pl.LazyFrame({"article_id": [4, 9], "title": ["A b", ""], "body": [" c ", " d"]})
    ids, texts = article_texts(frame, ["title", "body"])
    assert ids.to_list() == [4, 9]
    assert texts == ["A b  c", "d"]


def test_a_missing_text_column_is_named_beside_those_there_are():
    frame = pl.LazyFrame({"article_id": [4], "title": ["A"]})
    with pytest.raises(InputError, match=r"'lead'.*article_id, title"):
        article_texts(frame, ["title", "lead"])


@pytest.mark.parametrize(
    "kind", [pl.List(pl.Float32), pl.List(pl.Float64), pl.Array(pl.Float64, 2)]
)
@pytest.mark.parametrize("names", [("article_id", "document_vector"), ("id", "contrastive")])
def test_vectors_are_read_whatever_their_columns_are_called_and_made_of(tmp_path, kind, names):
    vectors = pl.Series(VECTORS, dtype=kind)
    table = vector_table(saved(tmp_path, {names[1]: vectors, names[0]: [5, 6, 7]}))
    assert table.ids.to_list() == [5, 6, 7]
    assert table.features.dtype == np.float32
    assert table.features.tolist() == [[0.0, 0.0], *VECTORS]


@pytest.mark.parametrize("width", [1, 3, 300])
def test_vectors_may_have_any_width_and_the_unknown_article_is_zeros(tmp_path, width):
    vectors = np.random.default_rng(0).normal(size=(4, width)).astype(np.float32)
    table = vector_table(saved(tmp_path, {"id": ["a", "b", "c", "d"], "v": vectors.tolist()}))
    np.testing.assert_array_equal(table.features[1:], vectors)
    assert not table.features[0].any()


@pytest.mark.parametrize("kind", [pl.Int32, pl.UInt32, pl.Int64])
def test_vectors_are_found_by_the_impressions_ids(tmp_path, kind):
    table = vector_table(saved(tmp_path, {"id": pl.Series([7, 5, 6], dtype=kind), "v": VECTORS}))
    assert table.rows(pl.Series([5, 7], dtype=pl.Int64)).tolist() == [2, 1]


def test_the_unknown_article_may_be_the_mean_vector(tmp_path):
    path = saved(tmp_path, {"id": [5, 6, 7], "v": VECTORS})
    assert vector_table(path, unknown="mean").features.tolist() == [[4.0, 2.0], *VECTORS]


def test_the_last_of_vectors_with_one_id_counts(tmp_path):
    table = vector_table(saved(tmp_path, {"id": [5, 6, 5], "v": VECTORS}))
    assert table.ids.to_list() == [6, 5]
    assert table.features[1:].tolist() == VECTORS[1:]


def test_a_path_with_brackets_is_that_file(tmp_path):
    path = saved(tmp_path, {"id": [5, 6, 7], "v": VECTORS}, name="vectors[1].parquet")
    assert len(vector_table(path).ids) == 3


def test_a_missing_file_of_vectors_and_a_folder_are_refused(tmp_path):
    assert "no" in complaint(tmp_path / "none.parquet")
    assert "folder" in complaint(tmp_path) or "no file" in complaint(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"article_id,vector\n1,2\n", b"PAR1" + b"\0" * 40 + b"PAR1"]
)
def test_a_file_that_is_no_parquet_is_refused(tmp_path, content):
    (tmp_path / "vectors.parquet").write_bytes(content)
    complaint(tmp_path / "vectors.parquet")


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.99])
def test_a_truncated_parquet_is_refused(tmp_path, kept):
    path = saved(
        tmp_path, {"id": range(500), "v": np.random.default_rng(0).random((500, 8)).tolist()}
    )
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    assert "parquet" in complaint(path)


@pytest.mark.parametrize(
    "columns",
    [
        {"id": [1, 2]},
        {"id": [1, 2], "v": [1.5, 2.5]},
        {"v": [[1.0], [2.0]]},
        {"id": [1, 2], "v": [[1.0], [2.0]], "w": [[1.0], [2.0]]},
        {"id": [1, 2], "name": ["a", "b"], "v": [[1.0], [2.0]]},
    ],
    ids=["no list", "a number", "no id", "two lists", "two ids"],
)
def test_other_columns_than_an_id_and_a_list_are_refused(tmp_path, columns):
    assert "one id column and one list column" in complaint(saved(tmp_path, columns))


@pytest.mark.parametrize(
    ("vectors", "found"),
    [
        ([[1.0, 2.0], [3.0], [5.0, 6.0]], "1 values"),
        ([[1.0, 2.0], [], [5.0, 6.0]], "0 values"),
        ([[], [], []], "0 values"),
        ([[1.0, 2.0], None, [5.0, 6.0]], "null"),
        ([[1.0, 2.0], [3.0, None], [5.0, 6.0]], "finite"),
        ([[1.0, 2.0], [3.0, float("nan")], [5.0, 6.0]], "finite"),
        ([[1.0, 2.0], [3.0, float("-inf")], [5.0, 6.0]], "finite"),
        ([[1.0, 2.0], [3.0, 1e300], [5.0, 6.0]], "finite"),
    ],
    ids=["short", "empty", "all empty", "null", "null in", "nan", "infinite", "over float32"],
)
def test_a_vector_that_cannot_be_is_refused(tmp_path, vectors, found):
    schema = {"id": pl.Int64, "v": pl.List(pl.Float64)}
    error = complaint(saved(tmp_path, {"id": [1, 2, 3], "v": vectors}, schema=schema))
    assert "column v" in error
    assert found in error


def test_lists_of_text_are_refused(tmp_path):
    complaint(saved(tmp_path, {"id": [1, 2], "v": [["a"], ["b"]]}))


def test_a_null_id_is_refused(tmp_path):
    assert "column id" in complaint(saved(tmp_path, {"id": [1, None, 3], "v": VECTORS}))


def test_an_id_beyond_64_bits_is_refused(tmp_path):
    ids = pl.Series([1, 2, 2**64 - 1], dtype=pl.UInt64)
    complaint(saved(tmp_path, {"id": ids, "v": VECTORS}))


def test_rows_are_counted_in_the_file_from_1_as_the_readers_do(tmp_path):
    repeated = {"id": [5, 5, 6], "v": [[1.0, 2.0], [3.0, 4.0], [5.0]]}
    assert "row 3" in complaint(saved(tmp_path, repeated))


def test_a_file_without_rows_is_refused(tmp_path):
    complaint(
        saved(tmp_path, {"id": [], "v": []}, schema={"id": pl.Int64, "v": pl.List(pl.Float32)})
    )
