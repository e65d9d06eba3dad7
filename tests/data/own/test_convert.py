import gzip
import json
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_site import (
    ARTICLES,
    CLICKS,
    IMPRESSIONS,
    MINUTE,
    START,
    behaviors,
    clicks,
    mapping,
    mapping_of_lists,
)

from nrms_torch.data import ebnerd
from nrms_torch.data.own.convert import convert
from nrms_torch.errors import InputError

LISTS = ("article_ids_inview", "article_ids_clicked", "article_id_fixed")

events = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 11),
        st.integers(0, 400),
        st.sampled_from(["read", "seen"]),
    ),
    min_size=5,
    max_size=60,
)


def with_kinds(rows):
    return clicks(rows).with_columns(pl.Series("what", [kind for *_, kind in rows]))


def past_of(table, reader, moment):
    """The articles that a reader clicked before a moment, by the plainest way there is."""
    rows = sorted(
        table.filter(pl.col("user") == reader).select("ts", "sku").rows(), key=lambda r: r[0]
    )
    return list(dict.fromkeys(article for time, article in rows if time < moment))


def seconds(column):
    return column.dt.epoch("s").to_list()


def convert_or_none(*arguments, **options):
    try:
        return convert(*arguments, **options)
    except InputError as error:
        if "is left" not in str(error):
            raise
        return None  # too few rows for an impression in each split


@settings(max_examples=60, deadline=None)
@given(events, st.booleans(), st.integers(1, 5), st.integers(0, 2))
@pytest.mark.slow
def test_histories_are_the_clicks_before_and_splits_are_apart_in_time(
    tmp_path_factory, rows, bare, most, least
):
    table = with_kinds([(0, 0, 0, "seen"), (0, 1, 0, "read"), *rows])
    folder = tmp_path_factory.mktemp("own") / "site"
    kinds = {"kind": "what", "click": "read", **({} if bare else {"shown": "seen"})}
    options = {"max_history": most, "least_history": least, "pause": "40m"}
    if convert_or_none(mapping(table, **kinds), folder, **options) is None:
        assert not folder.exists()
        return
    read = table.filter(pl.col("what") == "read")
    number_of = {name: n for n, name in enumerate(table["user"].unique(maintain_order=True), 1)}
    if bare:
        number_of = {name: n for n, name in enumerate(read["user"].unique(maintain_order=True), 1)}
    names = {number: name for name, number in number_of.items()}
    written = behaviors(folder)
    times = seconds(written["impression_time"])
    assert times == sorted(times)
    for user, time, in_view, clicked, history in zip(
        written["user_id"], times, *(written[name].to_list() for name in LISTS), strict=True
    ):
        past = past_of(read, names[user], time)
        assert history == past[-most:]
        assert len(past) >= min(least, most)
        assert set(clicked) < set(in_view)
        assert len(set(in_view)) == len(in_view)
    ends = [
        (table["impression_time"].min(), table["impression_time"].max())
        for table in (behaviors(folder, split) for split in ("train", "validation", "test"))
    ]
    assert all(earlier[1] < later[0] for earlier, later in pairwise(ends))


@settings(max_examples=40, deadline=None)
@given(events)
def test_negatives_are_articles_alive_that_the_reader_had_not_clicked(tmp_path_factory, rows):
    table = clicks(rows)
    folder = tmp_path_factory.mktemp("own") / "site"
    if convert_or_none(mapping(table), folder, alive="1h", least_history=0) is None:
        return
    published = dict(ARTICLES.select("sku", "first_seen").rows())
    names = dict(enumerate(table["user"].unique(maintain_order=True), 1))
    written = behaviors(folder)
    lists = (written[name].to_list() for name in LISTS)
    for user, time, in_view, clicked, _ in zip(
        written["user_id"], seconds(written["impression_time"]), *lists, strict=True
    ):
        lately = table.filter(pl.col("ts").is_between(time - 60 * MINUTE, time, closed="left"))
        known = {*past_of(table, names[user], time + 1)}
        for article in set(in_view) - set(clicked):
            assert article in set(lately["sku"])
            assert article not in known
            assert published[article] <= time


def test_neither_age_nor_popularity_tells_clicks_from_negatives(tmp_path):
    rng = np.random.default_rng(5)
    count, life = 20_000, 24 * 60
    born = np.sort(rng.integers(0, 14 * life, 5_000))
    articles = pl.DataFrame(
        {"sku": [f"a-{n}" for n in range(5_000)], "headline": "one"}
    ).with_columns(pl.Series("first_seen", START + MINUTE * born))
    weight = 1 + rng.pareto(2, 5_000)
    rows = []
    for minute in np.sort(rng.integers(life, 14 * life, count)):
        alive = np.flatnonzero((born < minute) & (born > minute - life))
        chances = weight[alive] * np.exp((born[alive] - minute) / 300)  # news grow old
        article = rng.choice(alive, p=chances / chances.sum())
        rows.append((int(rng.integers(2_000)), int(article), int(minute)))
    convert(mapping(clicks(rows), articles), tmp_path / "site", negatives=4)
    table = behaviors(tmp_path / "site", "test")
    times = dict(articles.select("sku", "first_seen").rows())
    views = dict(clicks(rows)["sku"].value_counts().rows())
    for score in (times.__getitem__, lambda sku: views.get(sku, 0)):
        aucs = []
        for in_view, clicked in table.select(LISTS[:2]).rows():
            others = np.array([score(sku) for sku in in_view if sku not in clicked])
            one = score(clicked[0])
            aucs.append(np.mean(one > others) + np.mean(one == others) / 2)
        assert np.mean(aucs) == pytest.approx(0.5, abs=0.06)


def test_the_same_input_gives_the_same_bytes_and_another_seed_other_draws(tmp_path):
    def written(name, **options):
        convert(mapping(), tmp_path / name, negatives=3, **options)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        return {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files}

    first = written("one")
    assert first == written("two")
    assert first == written("one")  # which takes the place of what was converted before
    other = written("three", seed=2)
    assert other["train/behaviors.parquet"] != first["train/behaviors.parquet"]


def test_the_product_reads_what_was_written(tmp_path):
    summary = convert(mapping(), tmp_path / "site")
    assert ebnerd.available_splits(tmp_path / "site") == ["train", "validation", "test"]
    split = ebnerd.read_split(tmp_path / "site", "train")
    assert split.labelled
    impressions = split.impressions.collect()
    assert len(impressions) == summary.splits["train"].impressions
    assert impressions["inview"].dtype == pl.List(pl.String)
    assert len(split.histories.collect()) == len(impressions)
    times = ebnerd.read_visits(tmp_path / "site", "train").collect()["time"]
    assert times.is_sorted()
    articles = ebnerd.read_articles(tmp_path / "site").collect()
    assert articles["article_id"].to_list() == ARTICLES["sku"].to_list()


def test_lists_events_with_an_impression_and_a_column_of_labels_are_the_same_log(tmp_path):
    convert(mapping_of_lists(), tmp_path / "text")
    lists = IMPRESSIONS.with_columns(pl.col("items").str.split(" "), pl.concat_list("hits"))
    convert(mapping_of_lists(lists), tmp_path / "lists")
    rows = lists.with_row_index("page").explode("items")
    rows = rows.with_columns(
        (pl.col("items") == pl.col("hits").list.first()).cast(int).alias("hit")
    )
    columns = {"article": "items", "impression": "page", "kind": "hit", "click": 1, "shown": 0}
    convert(mapping(rows.drop("hits"), **columns), tmp_path / "labels")
    one, two, three = (behaviors(tmp_path / name) for name in ("text", "lists", "labels"))
    assert one.equals(two)
    assert one.equals(three)
    assert one["article_ids_inview"].list.len().unique().to_list() == [3]


def test_rows_without_an_impression_are_one_until_the_reader_pauses(tmp_path):
    rows = [(0, 0, 0, "read"), (0, 1, 0, "seen")]
    for visit in range(1, 5):
        start = 100 * visit
        rows += [(0, 2 * visit, start, "seen"), (0, 2 * visit + 1, start, "seen")]
        rows += [(0, 2 * visit, start + 20, "read")]
    kinds = {"kind": "what", "click": "read", "shown": "seen"}
    convert(mapping(with_kinds(rows), **kinds), tmp_path / "site", validation=0.25, test=0.25)
    table = behaviors(tmp_path / "site")
    assert table["article_ids_inview"].to_list() == [
        [f"a-{2 * n}", f"a-{2 * n + 1}"] for n in range(1, 5)
    ]
    assert table["article_ids_clicked"].to_list() == [[f"a-{2 * n}"] for n in range(1, 5)]
    assert seconds(table["impression_time"]) == [START + 100 * n * MINUTE for n in range(1, 5)]
    assert table["article_id_fixed"].to_list()[-1] == ["a-0", "a-2", "a-4", "a-6"]


def test_ids_are_integers_where_all_are_whole_numbers(tmp_path):
    def plain(table):
        return table.with_columns(pl.col("sku").str.tail(-2))

    rows = [
        (reader, 1 + (n + 2 * reader) % 9, 120 + 30 * n) for reader in range(4) for n in range(9)
    ]
    whole = clicks(rows)
    convert(mapping(plain(whole), plain(ARTICLES[1:])), tmp_path / "whole")
    assert behaviors(tmp_path / "whole")["article_ids_inview"].dtype == pl.List(pl.Int64)
    zero = plain(ARTICLES)  # 0 is no article to the models
    convert(mapping(plain(whole), zero), tmp_path / "zero")
    assert behaviors(tmp_path / "zero")["article_ids_inview"].dtype == pl.List(pl.String)


def test_what_is_left_out_is_counted_by_its_first_reason(tmp_path):
    bad = pl.DataFrame(
        {
            "user": ["reader-1", None, "reader-1", "reader-1", "reader-1", "reader-0"],
            "sku": ["a-1", "a-1", None, "a-1", "nowhere", "a-0"],
            "ts": [None, START, START, 17, START, START + 120 * MINUTE],
        }
    )
    table = pl.concat([CLICKS, bad])
    summary = convert(mapping(table), tmp_path / "site", bad_times="drop")
    assert summary.counts["events"] == {
        "read": 56,
        "without reader": 1,
        "without article": 1,
        "without time": 1,
        "with a time that is none": 1,
        "of an article that articles lack": 1,
        "said before": 1,
        "used": 50,
    }
    record = json.loads((tmp_path / "site" / "conversion.json").read_text())
    assert record["counts"] == summary.counts
    for told in ("without reader", "of an article that articles lack", "train", "2025-11-13"):
        assert told in str(summary)


def test_ids_that_are_left_out_of_lists_are_counted(tmp_path):
    table = IMPRESSIONS.with_columns(pl.lit("a-10 nowhere a-11 a-11").alias("items"))
    counts = convert(mapping_of_lists(table), tmp_path / "site").counts
    told = {"read": 250, "of an article that articles lack": 50, "said before": 50, "used": 150}
    assert counts["ids in lists"] == told
    assert counts["impressions"] == {"read": 50, "used": 50}


def test_splits_by_shares_and_by_lengths_of_time(tmp_path):
    shares = convert(mapping(), tmp_path / "shares", validation=0.2, test=0)
    assert list(shares.splits) == ["train", "validation"]
    assert not (tmp_path / "shares" / "test").exists()
    total = sum(split.impressions for split in shares.splits.values())
    assert shares.splits["validation"].impressions == pytest.approx(0.2 * total, abs=1)
    lengths = convert(mapping(), tmp_path / "lengths", validation="15m", test="30m").splits
    assert (lengths["test"].last - lengths["test"].first).total_seconds() < 30 * 60
    assert (lengths["validation"].last - lengths["validation"].first).total_seconds() < 15 * 60


def as_csv(table, path, separator=","):
    path.write_text("\ufeff" + table.write_csv(separator=separator), encoding="utf-8")


FORMS = {
    "csv": as_csv,
    "semicolons.csv": lambda table, path: as_csv(table, path, ";"),
    "tsv": lambda table, path: as_csv(table, path, "\t"),
    "csv.gz": lambda table, path: path.write_bytes(gzip.compress(table.write_csv().encode())),
    "jsonl": lambda table, path: table.write_ndjson(path),
    "parquet": lambda table, path: table.write_parquet(path),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_file_gives_what_tables_in_memory_give(tmp_path, form):
    convert(mapping_of_lists(), tmp_path / "memory")
    for name, table in (("articles", ARTICLES), ("log", IMPRESSIONS)):
        FORMS[form](table, tmp_path / f"{name}.{form}")
    text = json.dumps(mapping_of_lists(f"log.{form}", f"articles.{form}"))  # JSON is YAML too
    (tmp_path / "site.yaml").write_text(text)
    convert(tmp_path / "site.yaml", tmp_path / "files")
    assert behaviors(tmp_path / "files").equals(behaviors(tmp_path / "memory"))


def test_a_log_of_many_files_is_one_log(tmp_path):
    for day, part in enumerate((CLICKS[:17], CLICKS[17:])):
        (tmp_path / f"log-{day}.csv").write_text(part.write_csv())
    convert(mapping(str(tmp_path / "log-*.csv")), tmp_path / "files")
    convert(mapping(), tmp_path / "memory")
    assert behaviors(tmp_path / "files").equals(behaviors(tmp_path / "memory"))


class ArrowTable:
    """What pyarrow, pandas and others offer: Arrow's stream, and no more."""

    def __init__(self, table):
        self.__arrow_c_stream__ = table.__arrow_c_stream__


@pytest.mark.parametrize("kind", [ArrowTable, pl.DataFrame.lazy])
def test_tables_in_memory_may_be_of_any_library(tmp_path, kind):
    convert(mapping(kind(CLICKS), kind(ARTICLES)), tmp_path / "arrow")
    convert(mapping(), tmp_path / "polars")
    assert behaviors(tmp_path / "arrow").equals(behaviors(tmp_path / "polars"))
