import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nrms_torch.data import mind
from nrms_torch.errors import InputError

MIND = Path(__file__).parents[2].parent / "shared" / "data" / "mind"
needs_mind = pytest.mark.skipif(
    not MIND.is_dir(), reason="the real MIND impressions are not at ../shared/data/mind"
)

IDS = pl.List(pl.String)

article_ids = st.from_regex(r"N[0-9]{1,5}", fullmatch=True)
impressions = st.lists(
    st.tuples(
        st.integers(0, 2**63 - 1),
        st.lists(article_ids, max_size=4),
        st.lists(st.tuples(article_ids, st.booleans()), min_size=1, max_size=5),
    ),
    min_size=1,
    max_size=6,
)


def histories_of(split):
    return split.impressions.join(
        split.histories, on="history_key", how="left", maintain_order="left"
    ).collect()["history"]


def write_train(folder, text):
    (folder / "train").mkdir(exist_ok=True)
    (folder / "train" / "behaviors.tsv").write_text(text, newline="")
    return folder


def test_a_split_has_the_columns_and_types_of_the_schema(mind_folder):
    split = mind.read_split(mind_folder, "train")
    assert split.folder == mind_folder / "train"
    assert split.labelled
    assert split.impressions.collect_schema() == {
        "impression_id": pl.Int64,
        "history_key": pl.Int64,
        "inview": IDS,
        "clicked": IDS,
    }
    assert split.histories.collect_schema() == {"history_key": pl.Int64, "history": IDS}


def test_candidates_are_parted_from_their_labels(mind_folder):
    rows = mind.read_split(mind_folder, "train").impressions.drop("history_key").collect().rows()
    assert rows == [
        (1, ["N4", "N5", "N6"], ["N5"]),
        (2, ["N5"], ["N5"]),
        (3, ["N6", "N4"], ["N6", "N4"]),
    ]


def test_equal_histories_share_one_row_and_an_empty_one_is_allowed(mind_folder):
    split = mind.read_split(mind_folder, "train")
    assert split.histories.collect().height == 2
    clicks = ["N1", "N2", "N3"]
    assert histories_of(split).to_list() == [clicks, [], clicks]


def test_histories_come_in_the_order_in_which_they_appear(tmp_path):
    text = "".join(f"{number}\tU\tT\tN{number % 500}\tN1-1\n" for number in range(2_000))
    histories = mind.read_split(write_train(tmp_path, text), "train").histories.collect()
    assert histories["history"].to_list() == [[f"N{number}"] for number in range(500)]


@pytest.mark.parametrize("name", ["validation", "dev"])
def test_validation_is_the_folder_dev_under_both_names(mind_folder, name):
    split = mind.read_split(mind_folder, name)
    assert split.folder == mind_folder / "dev"
    assert split.impressions.collect().height == 1


def test_the_test_split_has_candidates_without_labels(mind_folder):
    split = mind.read_split(mind_folder, "test")
    assert not split.labelled
    impressions = split.impressions.collect()
    assert impressions.columns == ["impression_id", "history_key", "inview"]
    assert impressions["inview"].to_list() == [["N4", "N5"]]


def test_available_splits_name_dev_validation(mind_folder):
    assert mind.available_splits(mind_folder) == ["train", "validation", "test"]
    assert mind.available_splits(mind_folder / "train") == []


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_lines_may_end_as_they_do_on_any_system(tmp_path, end):
    folder = write_train(tmp_path, f"1\tU\tT\tN1\tN2-1 N3-0{end}")
    row = mind.read_split(folder, "train").impressions.collect().row(0, named=True)
    assert (row["inview"], row["clicked"]) == (["N2", "N3"], ["N2"])


def test_spaces_too_many_make_no_articles(tmp_path):
    split = mind.read_split(write_train(tmp_path, "1\tU\tT\t N1  N2 \t N3-1  N4-0 \n"), "train")
    assert split.impressions.collect()["inview"].to_list() == [["N3", "N4"]]
    assert histories_of(split).to_list() == [["N1", "N2"]]


@settings(deadline=None, max_examples=25)
@given(impressions, st.booleans())
def test_what_is_written_is_read(rows, labelled):
    def candidate(article, clicked):
        return f"{article}-{int(clicked)}" if labelled else article

    lines = [
        f"{number}\tU\tT\t{' '.join(history)}\t{' '.join(candidate(*shown) for shown in inview)}"
        for number, history, inview in rows
    ]
    with tempfile.TemporaryDirectory() as folder:
        split = mind.read_split(write_train(Path(folder), "\n".join(lines)), "train")
        table = split.impressions.collect()
        assert histories_of(split).to_list() == [history for _, history, _ in rows]
        assert split.histories.collect()["history_key"].is_unique().all()
    assert split.labelled == labelled
    assert table["impression_id"].to_list() == [number for number, _, _ in rows]
    assert table["inview"].to_list() == [[article for article, _ in shown] for *_, shown in rows]
    if labelled:
        clicked = [[article for article, click in shown if click] for *_, shown in rows]
        assert table["clicked"].to_list() == clicked


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 60), st.integers(0, 3), st.text('1N-\t \n"\r\0é', max_size=2))
def test_any_slip_of_the_pen_is_read_or_refused_in_one_line(start, deleted, inserted):
    text = "12\tU1\tT\tN1 N2\tN3-1 N4-0\n13\tU2\tT\t\tN5-1 N3-0 N4-0\n"
    with tempfile.TemporaryDirectory() as folder:
        write_train(Path(folder), text[:start] + inserted + text[start + deleted :])
        split, refusal = None, ""
        try:
            split = mind.read_split(Path(folder), "train")
        except InputError as error:
            refusal = str(error)
        if split is None:
            assert len(refusal.splitlines()) == 1
        else:
            assert split.impressions.collect()["inview"].list.len().min() > 0


def test_a_folder_name_with_brackets_is_no_pattern(mind_folder, tmp_path):
    folder = mind_folder.rename(tmp_path / "data [1]*")
    assert mind.read_split(folder, "train").impressions.collect().height == 3
    assert mind.read_articles(folder).collect().height == 3


def test_articles_are_those_of_every_split_and_the_last_of_equal_ids(mind_folder):
    articles = mind.read_articles(mind_folder).collect()
    assert articles.columns == ["article_id", "title", "subtitle", "body", "category"]
    assert articles.rows() == [
        ("N3", '"Quoted" title', "", "It's short", "news"),
        ("N1", 'A "quote that never ends', "", "Abstract", "sports"),
        ("N2", "Plain title", "", "", "news"),
    ]


def test_articles_are_read_where_only_some_splits_have_news(mind_folder):
    (mind_folder / "train" / "news.tsv").unlink()
    (mind_folder / "test" / "news.tsv").unlink()
    articles = mind.read_articles(mind_folder).collect()
    assert articles["article_id"].to_list() == ["N2", "N3"]
    (mind_folder / "dev" / "news.tsv").unlink()
    assert mind.read_articles(mind_folder) is None


@needs_mind
@pytest.mark.parametrize(("split", "impressions"), [("train", 3_058), ("dev", 974)])
def test_the_real_impressions_are_read_whole(split, impressions):
    tables = mind.read_split(MIND, split)
    lines = (MIND / split / "behaviors.tsv").read_text().split("\n")[:-1]
    fields = [line.split("\t") for line in lines]
    assert len(lines) == impressions
    assert histories_of(tables).to_list() == [line[3].split() for line in fields]
    table = tables.impressions.collect()
    labelled = [[shown.split("-") for shown in line[4].split()] for line in fields]
    assert table["inview"].to_list() == [[article for article, _ in shown] for shown in labelled]
    assert table["clicked"].to_list() == [
        [article for article, label in shown if label == "1"] for shown in labelled
    ]


@needs_mind
def test_real_articles_have_titles_as_they_are_written():
    articles = dict(mind.read_articles(MIND).select("article_id", "title").collect().rows())
    for split in ("dev", "train"):
        lines = (MIND / split / "news.tsv").read_text().split("\n")[:-1]
        for line in lines:
            fields = line.split("\t")
            assert articles[fields[0]] == fields[3]
