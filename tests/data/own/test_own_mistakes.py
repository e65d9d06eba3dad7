import polars as pl
import pytest
import yaml
from raw_site import ARTICLES, CLICKS, IMPRESSIONS, mapping, mapping_of_lists

from nrms_torch.data.own.convert import convert
from nrms_torch.errors import InputError

KINDS = CLICKS.with_columns(action=pl.Series(["view", "click"] * 25))


def refusal(tmp_path, given, **options):
    output = tmp_path / "made" / "site"
    with pytest.raises(InputError) as error:
        convert(given, output, **options)
    assert not output.exists()
    assert not output.parent.exists() or not list(output.parent.iterdir())
    message = str(error.value)
    assert "\n" not in message
    return message


def with_key(section, key, value, base=mapping):
    given = base()
    return {**given, section: {**given[section], key: value}}


MISTAKES = {
    "section": ({**mapping(), "artikles": {}}, "unknown key 'artikles'; did you mean articles?"),
    "key": (
        with_key("articles", "titel", "x"),
        "articles: unknown key 'titel'; did you mean title",
    ),
    "key of another": (
        with_key("events", "shwon", "x"),
        "unknown key 'shwon'; did you mean shown?",
    ),
    "far key": (with_key("events", "qqqq", "x"), "unknown key 'qqqq'; expected file, time_format"),
    "column": (with_key("events", "article", "skus"), "no column 'skus'; did you mean sku?"),
    "far column": (
        with_key("events", "reader", "qq"),
        "no column 'qq'; its columns are user, sku, ts",
    ),
    "title": (
        {**mapping(), "articles": {"file": ARTICLES, "id": "sku"}},
        "articles (in memory): no column 'title' (articles.title names it); its columns are",
    ),
    "type of a name": (with_key("events", "time", ["ts"]), "events.time: expected a column's name"),
    "no articles": ({"events": {}}, "mapping: no section articles"),
    "no log": ({"articles": {"file": "x.csv"}}, "found neither of events and impressions"),
    "two logs": ({**mapping(), **mapping_of_lists()}, "found both of events and impressions"),
    "no file": (with_key("events", "file", None), "events: no file; expected the name of a CSV"),
    "missing file": (with_key("events", "file", "nowhere.csv"), "nowhere.csv: no such file"),
    "pattern": (with_key("events", "file", "nowhere/*.csv"), "events.file: no file is called"),
    "ending": (with_key("events", "file", __file__), "expected a name that ends in .csv, .tsv"),
    "table": (with_key("events", "file", object()), "expected a table of polars, pandas or Arrow"),
    "no rows": (mapping(CLICKS.clear()), "events (in memory): found no rows"),
    "same id": (
        mapping(articles=ARTICLES[[0, 1, 0]]),
        "articles (in memory), row 3: article 'a-0' again; expected one row an article",
    ),
    "no id": (
        mapping(articles=ARTICLES.with_columns(sku=pl.lit(""))),
        "articles (in memory): no article has an id",
    ),
    "time": (
        mapping(
            CLICKS.cast({"ts": pl.String})[:5].extend(
                pl.DataFrame({"user": ["r"], "sku": ["a-1"], "ts": ["noon"]})
            )
        ),
        "events (in memory), row 6, column ts: found 'noon'; expected a time such as 2026-",
    ),
    "type of time": (
        mapping(CLICKS.with_columns(ts=pl.lit([1]))),
        "column ts: found List(Int64); expected times",
    ),
    "type of reader": (
        mapping(CLICKS.with_columns(user=pl.lit([1]))),
        "column user: found List(Int64); expected an integer or a string",
    ),
    "fraction": (
        mapping(CLICKS.with_columns(user=pl.lit(1.5))),
        "column user: found numbers with fractions; expected ids",
    ),
    "type of a list": (
        mapping_of_lists(IMPRESSIONS.with_columns(items=pl.lit(1))),
        "column items: found Int32; expected lists of ids, or text",
    ),
    "kind": (
        mapping(KINDS, kind="action", click="clik", shown="view"),
        "column action: no row is of kind 'clik' (events.click); did you mean click?",
    ),
    "far kind": (
        mapping(KINDS, kind="action", click="qqq"),
        "no row is of kind 'qqq' (events.click); found click, view",
    ),
    "kind without a column": (
        mapping(shown="view"),
        "no column 'kind'; its columns are user, sku, ts",
    ),
    "other articles": (
        mapping(CLICKS.with_columns(sku=pl.lit("b"))),
        "events (in memory): no click is left; expected clicks",
    ),
    "one click a reader": (
        mapping(CLICKS[:5]),
        "no impression is left: 5 read, 5 without an earlier click of the reader",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_gives_its_one_line_and_no_output(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    given, expected = MISTAKES[name]
    assert expected in refusal(tmp_path, given)


OPTIONS = {
    "validation": (1.5, "validation: expected a share"),
    "test": ("soon", "test: expected a length of time"),
    "alive": (48, "alive: expected a length of time"),
    "negatives": (0, "negatives: expected an integer of at least 1"),
    "max_history": (0, "max_history: expected an integer of at least 1"),
    "bad_times": ("ignore", "bad_times: 'ignore' is none of stop, drop"),
    "seed": (-1, "seed: expected an integer"),
    "sead": (1, "options.sead: no such field"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_is_held_to_its_range(tmp_path, name):
    value, expected = OPTIONS[name]
    assert expected in refusal(tmp_path, mapping(), **{name: value})


def test_splits_that_leave_nothing_are_refused(tmp_path):
    assert "nothing is left to train on" in refusal(tmp_path, mapping(), validation=0.5, test=0.5)
    message = refusal(tmp_path, mapping(), validation="9d")
    assert "no impression is left for train; all" in message
    assert "2025-11-1" in message


def test_a_time_format_is_named_where_a_time_has_another_form(tmp_path):
    table = CLICKS.with_columns(ts=pl.lit("2026-11-01"))
    message = refusal(tmp_path, mapping(table, time_format="%d.%m.%Y"))
    assert message.endswith("row 1, column ts: found '2026-11-01'; expected %d.%m.%Y")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("articles: [", "site.yaml, line 1: is no YAML"),
        ("- articles", "expected sections articles and events"),
        ("articles: articles.csv\nevents: {}", "articles: expected keys and columns"),
    ],
)
def test_a_damaged_mapping_is_refused(tmp_path, text, expected):
    (tmp_path / "site.yaml").write_text(text)
    assert expected in refusal(tmp_path, tmp_path / "site.yaml")
    assert "site.yaml: cannot be read" in refusal(tmp_path, tmp_path / "nowhere" / "site.yaml")


def test_words_of_a_mapping_are_texts(tmp_path):
    table = CLICKS.with_columns(on=pl.Series(["yes", "no"] * 25))
    table.write_parquet(tmp_path / "clicks.parquet")
    ARTICLES.write_csv(tmp_path / "articles.csv")
    given = mapping("clicks.parquet", "articles.csv")
    text = yaml.safe_dump(given).replace("events:\n", "events:\n  kind: on\n  click: yes\n")
    (tmp_path / "site.yaml").write_text(text)
    summary = convert(tmp_path / "site.yaml", tmp_path / "site")
    assert summary.counts["events"]["of another kind"] == 25


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"user,sku,ts\nr,a-1,2026-01-01,too,many\n", "cannot be read"),
        (b"user,sku,ts\n\xff\xfe,a-1,2026-01-01\n", "cannot be read"),
        (b"", "is an empty file"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, content, expected):
    (tmp_path / "clicks.csv").write_bytes(content)
    message = refusal(tmp_path, mapping(str(tmp_path / "clicks.csv")))
    assert message.startswith(str(tmp_path / "clicks.csv"))
    assert expected in message


def test_another_folder_is_never_overwritten(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"is in use, and is no folder with a conversion\.json"):
        convert(mapping(), tmp_path / "site")
    assert (tmp_path / "site" / "mine.txt").read_text() == "mine"


def test_files_of_one_log_have_the_same_columns(tmp_path):
    CLICKS.write_csv(tmp_path / "log-1.csv")
    CLICKS.with_columns(impression=pl.lit(1)).write_csv(tmp_path / "log-2.csv")
    message = refusal(tmp_path, mapping(str(tmp_path / "log-*.csv")))
    assert message == f"{tmp_path}/log-2.csv: has other columns than {tmp_path}/log-1.csv"
