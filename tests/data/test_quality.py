"""Features, plausible ranges and drift of a data set."""

import json
import shutil

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from nrms_torch.data.config import DataConfig
from nrms_torch.data.quality.drift import compare, compare_versions
from nrms_torch.data.quality.drift_report import write_html, write_json
from nrms_torch.data.quality.features import (
    article_features,
    articles_of,
    impression_features,
)
from nrms_torch.data.quality.ranges import check_ranges
from nrms_torch.errors import InputError

LIMITS = {"threshold": 0.2, "significance": 0.001}
MIND_LINES = [
    "1\tU1\t11/11/2019 9:05:58 AM\tN1 N2\tN1-0 N3-1 N9-0",
    "2\tU1\t11/12/2019 11:30:00 PM\t\tN2-1 N1-0",
    "3\tU2\tno time\tN1\tN1-0 N2-0",
]
NEWS_LINES = [
    f"N{number}\tsport\tgolf\tTitle of {'x ' * number}\t\turl\t[]\t[]" for number in (1, 2, 3)
]


@pytest.fixture
def mind(tmp_path):
    folder = tmp_path / "mind" / "train"
    folder.mkdir(parents=True)
    (folder / "behaviors.tsv").write_text("\n".join(MIND_LINES) + "\n")
    (folder / "news.tsv").write_text("\n".join(NEWS_LINES) + "\n")
    return DataConfig(format="mind", path=str(folder.parent))


@pytest.fixture
def demo(demo_folder, tmp_path):
    """A copy of the demo data that a test may change."""
    folder = tmp_path / "demo"
    shutil.copytree(demo_folder, folder, ignore=shutil.ignore_patterns(".prepared"))
    return DataConfig(format="ebnerd", path=str(folder))


def change(file, *columns):
    pl.read_parquet(file).with_columns(*columns).write_parquet(file)


def versions(reference, current, **more):
    return compare_versions(
        OmegaConf.create(
            {
                "reference": str(reference),
                "current": str(current),
                **{"format": "ebnerd", "split": "train", "current_split": "train"},
                **{"rows": 100_000, **LIMITS, **more},
            }
        )
    )


def drifted(found):
    return {f"{name}.{drift.feature}" for name in found for drift in found[name] if drift.drifted}


def test_features_of_impressions_are_what_one_counts_by_hand(mind):
    features = impression_features(mind, "train", articles_of(mind))
    assert features.sort("in_view", "history_length").to_dicts() == [
        {
            "in_view": 2,
            "history_length": 0,
            "clicks": 1,
            "hour": 23,
            "weekday": 2,
            "clicked_category": "sport",
            "click_position": 0.0,
            "unknown_in_view": 0.0,
        },
        {
            "in_view": 2,
            "history_length": 1,
            "clicks": 0,
            "hour": None,
            "weekday": None,
            "clicked_category": None,
            "click_position": None,
            "unknown_in_view": 0.0,
        },
        {
            "in_view": 3,
            "history_length": 2,
            "clicks": 1,
            "hour": 9,
            "weekday": 1,
            "clicked_category": "sport",
            "click_position": 0.5,
            "unknown_in_view": 1 / 3,
        },
    ]


def test_of_many_impressions_a_share_at_equal_distances_is_described(demo):
    features = impression_features(demo, "train", None, rows=100)
    everything = impression_features(demo, "train", None)
    assert features.equals(everything.gather_every(15))


def test_plausible_data_is_summed_up(demo):
    summaries = check_ranges(demo, {"in_view": [1, 1000]}, {"unknown_in_view": [0, 0.1]})
    by_name = {(summary.table, summary.feature): summary for summary in summaries}
    lengths = pl.read_parquet(demo.folder / "train" / "behaviors.parquet")["article_ids_inview"]
    assert by_name["train", "in_view"].mean == pytest.approx(lengths.list.len().mean())
    assert by_name["articles", "title_words"].least >= 1
    assert {table for table, _ in by_name} == {"train", "validation", "test", "articles"}


def test_a_value_outside_of_its_range_is_told_with_its_split(demo):
    with pytest.raises(InputError, match=r"train: the greatest in_view is \d+; expected 1 to 6$"):
        check_ranges(demo, {"in_view": [1, 6]}, {})
    with pytest.raises(InputError, match=r"the mean clicks is 1\.\d+; expected 2 to any$"):
        check_ranges(demo, {}, {"clicks": [2, None]})


def test_a_range_of_nothing_that_is_there_is_told(demo):
    with pytest.raises(InputError, match=r"ranges\.magic: no such feature"):
        check_ranges(demo, {"magic": [0, 1]}, {})
    for wrong in ([0], 3, "ab", ["a", "b"]):
        with pytest.raises(InputError, match=r"means\.clicks: expected \[least, greatest\]"):
            check_ranges(demo, {}, {"clicks": wrong})


def test_a_range_is_switched_off_by_null(demo):
    with pytest.raises(InputError, match="the greatest in_view"):
        check_ranges(demo, {"in_view": [1, 6]}, {})
    assert check_ranges(demo, {"in_view": None}, {"in_view": None})


def test_a_range_of_what_the_data_does_not_have_is_left_out_and_told(demo, capsys):
    (demo.folder / "articles.parquet").unlink()
    limits = {"in_view": [1, 1_000], "title_words": [0, 200]}
    summaries = check_ranges(demo, limits, {"unknown_in_view": [0, 0.1]})
    assert {summary.table for summary in summaries} == {"train", "validation", "test"}
    (line,) = capsys.readouterr().out.splitlines()
    assert line == f"{demo.folder}: has no title_words, unknown_in_view, so that is not checked"
    with pytest.raises(InputError, match="the greatest in_view"):
        check_ranges(demo, {**limits, "in_view": [1, 6]}, {})


def test_two_halves_of_one_data_set_have_not_drifted(demo, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(demo.folder, other)
    for folder, offset in ((demo.folder, 0), (other, 1)):
        file = folder / "train" / "behaviors.parquet"
        pl.read_parquet(file).gather_every(2, offset).write_parquet(file)
    found = versions(demo.folder, other)
    assert not drifted(found)
    articles = article_features(articles_of(demo))
    halves = [articles.gather_every(2, offset) for offset in (0, 1)]
    assert not drifted({"articles": compare(*halves, **LIMITS)})
    assert {drift.feature for drift in found["impressions"]} == {
        *("in_view", "history_length", "clicks", "click_position", "hour", "weekday"),
        *("clicked_category", "unknown_in_view"),
    }


def test_what_was_shifted_has_drifted_and_nothing_else(demo, demo_folder):
    change(
        demo.folder / "train" / "behaviors.parquet",
        pl.col("impression_time") + pl.duration(hours=9),
    )
    change(
        demo.folder / "train" / "history.parquet",
        pl.col("article_id_fixed").list.head(20),
    )
    change(demo.folder / "articles.parquet", pl.col("title") + " and so much more besides")
    assert drifted(versions(demo_folder, demo.folder)) == {
        "impressions.hour",
        "impressions.history_length",
        "articles.title_words",
        "articles.title_characters",
    }


def test_another_mix_of_categories_has_drifted(demo, demo_folder):
    file = demo.folder / "articles.parquet"
    first = pl.read_parquet(file)["category_str"].mode()[0]
    pl.read_parquet(file).filter(pl.col("category_str") != first).write_parquet(file)
    assert "articles.category" in drifted(versions(demo_folder, demo.folder))


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=300))
@settings(max_examples=50)
def test_a_sample_has_not_drifted_from_itself(values):
    (drift,) = compare(pl.DataFrame({"x": values}), pl.DataFrame({"x": values}), **LIMITS)
    assert drift.psi == 0
    assert not drift.drifted
    assert sum(drift.reference) == pytest.approx(1)


@given(st.lists(st.sampled_from([*"abcdefgh", None]), min_size=1, max_size=200), st.randoms())
@settings(max_examples=50)
def test_the_order_of_categories_does_not_matter(values, random):
    shuffled = random.sample(values, len(values))
    old, new = (pl.DataFrame({"x": each}, schema={"x": pl.String}) for each in (values, shuffled))
    if any(value is not None for value in values):
        (drift,) = compare(old, new, **LIMITS)
        assert drift.psi == 0


def test_the_index_is_the_textbooks():
    # Shares .5 and .5 against .6 and .4: .1 ln(.6 / .5) - .1 ln(.4 / .5) = .0405
    old = pl.DataFrame({"x": ["a", "b"] * 50_000})
    new = pl.DataFrame({"x": (["a"] * 3 + ["b"] * 2) * 20_000})
    (drift,) = compare(old, new, **LIMITS)
    assert drift.psi == pytest.approx(0.040547, abs=1e-5)


def test_a_large_difference_of_a_tiny_sample_is_taken_for_an_accident():
    (drift,) = compare(pl.DataFrame({"x": [1, 2, 3]}), pl.DataFrame({"x": [4, 5, 6]}), **LIMITS)
    assert drift.psi > 0.2
    assert not drift.drifted


def test_nothing_in_common_is_a_mistake():
    with pytest.raises(InputError, match="no feature in common"):
        compare(pl.DataFrame({"x": [1]}), pl.DataFrame({"y": [1]}), **LIMITS)


def test_the_report_shows_every_feature_and_no_markup_of_the_datas(tmp_path):
    old, new = (pl.DataFrame({"<b>": ["<script>"] * n + ["ok"] * 9}) for n in (3, 90))
    found = {"articles": compare(old, new, **LIMITS)}
    page, file = tmp_path / "drift.html", tmp_path / "drift.json"
    write_html(page, found, ("old&", "new"), 0.2)
    write_json(file, found)
    text = page.read_text()
    assert "<script" not in text
    assert "&lt;b&gt;" in text
    assert "old&amp;" in text
    assert text.count("<rect") == 4
    assert json.loads(file.read_text())["drifted"] == [
        f"articles.{drift.feature}" for drift in found["articles"] if drift.drifted
    ]
