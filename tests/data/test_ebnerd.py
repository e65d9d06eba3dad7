import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from nrms_torch.data import ebnerd

REPOSITORY = Path(__file__).parents[2]
DEMO = REPOSITORY.parent / "shared" / "data" / "ebnerd_demo"
needs_demo = pytest.mark.skipif(
    not DEMO.is_dir(), reason="the real EB-NeRD demo set is not at ../shared/data/ebnerd_demo"
)

IDS = pl.List(pl.Int64)


def edit(path, change):
    change(pl.read_parquet(path)).write_parquet(path)


def test_a_split_has_the_columns_and_types_of_the_schema(ebnerd_folder):
    split = ebnerd.read_split(ebnerd_folder, "train")
    assert split.folder == ebnerd_folder / "train"
    assert split.labelled
    assert split.impressions.collect_schema() == {
        "impression_id": pl.Int64,
        "history_key": pl.Int64,
        "inview": IDS,
        "clicked": IDS,
    }
    assert split.histories.collect_schema() == {"history_key": pl.Int64, "history": IDS}


def test_impressions_keep_their_order_and_that_of_their_candidates(ebnerd_folder):
    assert ebnerd.read_split(ebnerd_folder, "train").impressions.collect().rows() == [
        (17, 5, [10, 11, 12], [12]),
        (18, 6, [12, 10], [10, 12]),
        (19, 7, [13, 11], []),
    ]


def test_a_user_without_a_history_row_is_read_and_has_no_history(ebnerd_folder):
    split = ebnerd.read_split(ebnerd_folder, "train")
    assert split.histories.collect().rows() == [(5, [10, 13]), (6, [11])]
    assert 7 in split.impressions.collect()["history_key"]


def test_an_impression_of_no_known_user_is_read_with_a_null_key(ebnerd_folder):
    users = pl.Series("user_id", [5, None, 7], dtype=pl.UInt32)
    edit(ebnerd_folder / "train" / "behaviors.parquet", lambda table: table.with_columns(users))
    impressions = ebnerd.read_split(ebnerd_folder, "train").impressions.collect()
    assert impressions["history_key"].to_list() == [5, None, 7]


def test_the_test_split_has_no_labels_and_may_repeat_impression_ids(ebnerd_folder):
    split = ebnerd.read_split(ebnerd_folder, "test")
    assert not split.labelled
    impressions = split.impressions.collect()
    assert impressions.columns == ["impression_id", "history_key", "inview"]
    assert impressions["impression_id"].to_list() == [0, 0, 0]


def test_a_validation_split_without_clicks_is_read_as_unlabelled(ebnerd_folder):
    behaviors = ebnerd_folder / "validation" / "behaviors.parquet"
    edit(behaviors, lambda table: table.drop("article_ids_clicked"))
    assert not ebnerd.read_split(ebnerd_folder, "validation").labelled


@pytest.mark.parametrize("integer", [pl.Int16, pl.UInt16, pl.Int32, pl.UInt32, pl.Int64])
def test_any_width_of_integer_becomes_int64(ebnerd_folder, integer):
    def retype(table):
        return table.with_columns(
            pl.col("impression_id", "user_id").cast(integer),
            pl.col("article_ids_inview", "article_ids_clicked").cast(pl.List(integer)),
        )

    expected = ebnerd.read_split(ebnerd_folder, "train").impressions.collect()
    edit(ebnerd_folder / "train" / "behaviors.parquet", retype)
    assert ebnerd.read_split(ebnerd_folder, "train").impressions.collect().equals(expected)


def test_null_lists_of_clicks_and_history_become_empty_and_null_clicks_are_dropped(ebnerd_folder):
    clicked = pl.Series("article_ids_clicked", [[12, None], None, []], dtype=pl.List(pl.Int32))
    fixed = pl.Series("article_id_fixed", [None, [None, 11]], dtype=pl.List(pl.Int32))
    edit(ebnerd_folder / "train" / "behaviors.parquet", lambda table: table.with_columns(clicked))
    edit(ebnerd_folder / "train" / "history.parquet", lambda table: table.with_columns(fixed))
    split = ebnerd.read_split(ebnerd_folder, "train")
    assert split.impressions.collect()["clicked"].to_list() == [[12], [], []]
    assert split.histories.collect()["history"].to_list() == [[], [None, 11]]


def test_available_splits_are_the_folders_that_exist(ebnerd_folder):
    assert ebnerd.available_splits(ebnerd_folder) == ["train", "validation", "test"]
    shutil.rmtree(ebnerd_folder / "test")
    assert ebnerd.available_splits(ebnerd_folder) == ["train", "validation"]


def test_articles_are_texts_without_nulls_and_the_last_of_equal_ids(ebnerd_folder):
    articles = ebnerd.read_articles(ebnerd_folder).collect()
    assert articles.columns == ["article_id", "title", "subtitle", "body", "category"]
    assert articles.rows() == [
        (11, "El", "", "", "nyheder"),
        (12, "", "tolv", "", ""),
        (10, "Ti igen", "", "igen", "sport"),
    ]


def test_articles_need_no_more_than_id_and_title(ebnerd_folder):
    edit(ebnerd_folder / "articles.parquet", lambda table: table.select("article_id", "title"))
    articles = ebnerd.read_articles(ebnerd_folder).collect()
    assert articles.row(0) == (11, "El", "", "", "")


def test_a_category_without_a_name_is_its_number(ebnerd_folder):
    edit(ebnerd_folder / "articles.parquet", lambda table: table.drop("category_str"))
    articles = ebnerd.read_articles(ebnerd_folder).collect()
    assert articles["category"].to_list() == ["2", "3", "1"]


def test_a_folder_may_have_no_articles(ebnerd_folder):
    (ebnerd_folder / "articles.parquet").unlink()
    assert ebnerd.read_articles(ebnerd_folder) is None


def test_a_folder_name_with_brackets_is_no_pattern(ebnerd_folder, tmp_path):
    folder = ebnerd_folder.rename(tmp_path / "data [1]*")
    assert ebnerd.read_split(folder, "train").impressions.collect().height == 3
    assert ebnerd.read_articles(folder).collect().height == 3


@needs_demo
@pytest.mark.parametrize(
    ("split", "impressions", "histories"),
    [("train", 24_724, 1_590), ("validation", 25_356, 1_562)],
)
def test_the_real_demo_set_is_read_whole(split, impressions, histories):
    tables = ebnerd.read_split(DEMO, split)
    assert tables.labelled
    assert tables.impressions.select(pl.len()).collect().item() == impressions
    assert tables.histories.select(pl.len()).collect().item() == histories
    orphans = tables.impressions.join(tables.histories, on="history_key", how="anti").collect()
    assert orphans.is_empty()


@needs_demo
def test_real_impressions_are_those_of_the_golden_pipeline():
    golden = json.loads((REPOSITORY / "tests" / "golden" / "pipeline.json").read_text())
    keys = ["impression_id", "user_id", "inview", "clicked", "history_full"]
    expected = pl.DataFrame({key: golden[key] for key in keys}).rename(
        {"user_id": "history_key", "history_full": "history"}
    )
    split = ebnerd.read_split(DEMO, "train")
    found = split.impressions.join(split.histories, on="history_key").collect()
    rows = expected.select("impression_id").join(found, on="impression_id", maintain_order="left")
    assert rows.select(expected.columns).equals(expected)
