"""The report in a real browser: whole, honest, of one file, in the dark and on a phone."""

import json
import shutil

import polars as pl
import pytest
from run_script import run_script

PHONE, DESK = {"width": 320, "height": 640}, {"width": 1200, "height": 900}
SECTIONS = (
    *("standing", "simple", "curves", "clicks", "breakdowns", "calibration"),
    *("lists", "examples", "unknown"),
)
HOSTILE = "<script>document.title = 'taken'</script> & \"quoted\" "


@pytest.fixture(scope="module")
def reported(trained, demo_folder, tmp_path_factory):
    """The report of a run on data whose titles are no HTML, and the metrics of the same."""
    folder = tmp_path_factory.mktemp("report")
    run, data = folder / "run", folder / "data"
    shutil.copytree(trained, run)
    shutil.copytree(demo_folder, data, ignore=shutil.ignore_patterns(".prepared"))
    articles = pl.read_parquet(data / "articles.parquet")
    hostile = articles.with_columns(title=HOSTILE + pl.col("title"))
    hostile.write_parquet(data / "articles.parquet")
    own = [f"data.path={data}", f"data.vectors={data}/document_vectors.parquet"]
    printed = run_script("evaluate", f"run={run}", "split=test", "report=true", *own)
    assert f"written to {run / 'report.html'}" in printed.replace("\n", "")
    return run / "report.html", json.loads((run / "metrics.json").read_text())


@pytest.fixture
def opened(browser, reported):
    """Open the report; at the end nothing may have failed or been asked of anybody."""
    pages, asked, errors = [], [], []

    def opened(**options):
        page = browser.new_page(**options)
        pages.append(page)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text))
        page.goto(reported[0].as_uri())
        return page

    yield opened
    for page in pages:
        page.close()
    assert errors == []
    assert [url for url in asked if not url.startswith("data:")] == [reported[0].as_uri()] * len(
        pages
    )


def test_the_page_has_all_sections_and_the_numbers_of_the_metrics(opened, reported):
    page, metrics = opened(viewport=DESK), reported[1]
    assert [each.get_attribute("id") for each in page.query_selector_all("section")] == [*SECTIONS]
    assert page.inner_text("#standing b") == f"{metrics['auc']:.4f}"
    simple = page.inner_text("#simple table")
    for name, ranking in metrics["simple"].items():
        assert name.replace("_", " ") in simple
        assert f"{ranking['auc']:.4f}" in simple
        assert f"{ranking['difference']['auc']:+.4f}" in simple
    clicks = page.inner_text("#clicks table")
    for row in metrics["by_history_length"].values():
        assert f"{row['auc']:.4f}" in clicks
    assert "every simple ranking" in page.inner_text("#standing")
    headings = page.locator("#breakdowns h3").all_inner_texts()
    assert headings == [
        "Age of the clicked article",
        "Category of the clicked article",
        "Clicked article",
        "Reader",
    ]
    assert page.locator("#curves svg.chart").count() == 2


def test_titles_are_text_whatever_they_hold(opened):
    page = opened(viewport=DESK)
    assert page.title() == "run: test"
    assert page.locator("#examples article").count() == 6
    assert HOSTILE.strip() in page.locator("#examples ol").first.inner_text()


def test_an_example_marks_what_was_clicked_at_its_place(opened):
    page = opened(viewport=DESK)
    best = page.locator("#examples .pair > div").first.locator("li.clicked").first
    assert best.get_attribute("value") == "1", "of an AUC of 1 the click comes first"
    worst = page.locator("#examples .pair > div").last.locator("article").first
    clicked = worst.locator("li.clicked").last.get_attribute("value")
    assert f"on {clicked} candidates" in " ".join(worst.inner_text().split())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK])
def test_the_page_fits_and_can_be_read(opened, scheme, viewport):
    page = opened(viewport=viewport, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    ink, paper = (
        page.evaluate(f"getComputedStyle(document.body).{name}")
        for name in ("color", "backgroundColor")
    )
    assert abs(brightness(ink) - brightness(paper)) > 150
    assert (brightness(paper) > 128) == (scheme == "light")


def brightness(colour):
    numbers = [int(number) for number in colour.removeprefix("rgb(").rstrip(")").split(",")]
    return sum(numbers) / 3


def test_a_run_without_titles_and_times_is_reported_too(trained, demo_folder, tmp_path, browser):
    run, data = tmp_path / "run", tmp_path / "data"
    shutil.copytree(trained, run)
    (data / "validation").mkdir(parents=True)
    for name in ("behaviors.parquet", "history.parquet"):
        table = pl.read_parquet(demo_folder / "validation" / name)
        table.drop("impression_time", strict=False).write_parquet(data / "validation" / name)
    (data / "train").symlink_to(demo_folder / "train")
    own = [f"data.path={data}", f"data.vectors={demo_folder}/document_vectors.parquet"]
    run_script("evaluate", f"run={run}", "report=true", *own)
    page = browser.new_page()
    page.goto((run / "report.html").as_uri())
    assert "article 9" in page.locator("#examples ol").first.inner_text(), "ids stand for titles"
    assert page.locator("#breakdowns h3").all_inner_texts() == ["Clicked article", "Reader"]
    page.close()
