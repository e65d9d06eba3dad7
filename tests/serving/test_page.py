"""The page at / in a real browser, against real servers: what a person sees and does."""

import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from exported_runs import reseal
from playwright.sync_api import expect, sync_playwright
from served import client_of, running_server

from nrms_torch.serving.bundle import READERS

KEY = "secret"
PHONE = {"width": 320, "height": 640}
# A picture for the README: NRMS_PAGE_IMAGE=FILE says where to, NRMS_PAGE_BUNDLE of what.
IMAGE, IMAGE_BUNDLE = os.environ.get("NRMS_PAGE_IMAGE"), os.environ.get("NRMS_PAGE_BUNDLE")
IMAGE_KB = 250


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium of the system's."""
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        pytest.skip(f"none of {', '.join(names)} is in PATH")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as browser,
    ):
        yield browser


@pytest.fixture(scope="module")
def titles(browser, bundle):
    """A server of a model that reads titles, with an API key."""
    with running_server(bundle, NRMS_API_KEY=KEY) as server:
        yield server


@pytest.fixture(scope="module")
def vectors(browser, vector_bundle, tmp_path_factory):
    """A server of a model that reads vectors, without a key and without readers."""
    without_readers = tmp_path_factory.mktemp("old") / "bundle"
    shutil.copytree(vector_bundle, without_readers)
    (without_readers / READERS).unlink()
    reseal(without_readers)
    with running_server(without_readers) as server:
        yield server


@pytest.fixture
def visit(browser):
    """Open a server's page; at the end nothing may have failed or been asked of another host."""
    visits = []

    def visit(server, path="/", refused=(), **options):
        page = browser.new_page(**options)
        seen = SimpleNamespace(
            page=page, expected=set(refused), errors=[], foreign=[], refused=set()
        )
        page.set_default_timeout(10_000)
        page.on("console", lambda message: note(message))
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("request", lambda request: look_at(request.url))
        page.on("response", lambda response: status(response.status))

        def note(message):
            # What a status says is looked at below, with the status itself.
            if message.type in ("error", "warning") and "Failed to load" not in message.text:
                seen.errors.append(message.text)

        def look_at(url):
            if not url.startswith((f"{server.url}/", "data:")):
                seen.foreign.append(url)

        def status(number):
            if number >= 400:
                seen.refused.add(number)

        visits.append(seen)
        page.goto(f"{server.url}{path}")
        return page

    yield visit
    for seen in visits:
        seen.page.close()
        assert (seen.errors, seen.foreign, seen.refused) == ([], [], seen.expected)


def ask(server, history, k=10):
    """Rank by the route, and give ids, and titles and scores as the page writes them."""
    ranking = recommend(server, history, k)
    ids = [row["article_id"] for row in ranking]
    with client_of(server) as client:
        found = client.get("/articles", params={"article_id": ids, "limit": k}).json()["articles"]
    shown = [article["title"] or f"Article {article['article_id']}" for article in found]
    return ids, shown, [written(row["score"]) for row in ranking]


def recommend(server, history, k):
    with client_of(server) as client:
        body = {"history": history, "k": k}
        return client.post("/recommend", json=body).json()["ranking"]


def readers_of(server):
    with client_of(server) as client:
        readers = client.get("/readers").json()["readers"]
    return [[click["article_id"] for click in reader["history"]] for reader in readers]


def written(value, sign=""):
    return f"{value:{sign}.3f}".replace("-", "−")


def shows(page, expected):
    _, titles, scores = expected
    expect(page.locator(".row .what .title")).to_have_text(titles)
    expect(page.locator(".row .measure .score")).to_have_text(scores)


def test_a_reader_is_shown_what_the_route_recommends(visit, titles):
    page = visit(titles)
    readers = readers_of(titles)
    expect(page.locator(".pill")).to_have_count(len(readers))
    shows(page, ask(titles, readers[0]))
    page.locator(".pill").nth(2).click()
    expect(page.locator(".pill").nth(2)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#history li")).to_have_count(len(readers[2]))
    shows(page, ask(titles, readers[2]))
    page.get_by_role("button", name="Show ten more").click()
    shows(page, ask(titles, readers[2], k=20))


def test_a_history_is_clicked_together(visit, titles):
    page = visit(titles)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("No clicks")).to_be_visible()
    shows(page, ask(titles, []))
    (first, second), shown, _ = ask(titles, [], k=2)

    search = page.get_by_label("Add a click")
    search.fill(shown[0].upper())
    expect(page.locator("#found li").first).to_contain_text(shown[0])
    search.press("Enter")
    expect(page.locator("#found")).to_be_hidden()
    shows(page, ask(titles, [first]))

    search.fill(str(second))
    expect(page.locator("#found li")).to_have_count(1)
    search.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(search).to_be_focused()
    shows(page, ask(titles, [first, second]))

    (third, *_), (title, *_), _ = ask(titles, [first, second])
    page.get_by_role("button", name=f"Click {title}", exact=True).first.click()
    expect(page.locator("#history .title").first).to_have_text(title)
    shows(page, ask(titles, [first, second, third]))
    page.get_by_role("button", name=f"Remove {title}", exact=True).click()
    shows(page, ask(titles, [first, second]))


def test_a_search_without_a_hit_says_so_and_escape_closes_it(visit, titles):
    page = visit(titles)
    search = page.get_by_label("Add a click")
    search.fill("no such title")
    expect(page.locator("#found")).to_have_text("Nothing found.")
    search.press("Escape")
    expect(page.locator("#found")).to_be_hidden()


def test_an_explanation_shows_the_words_and_clicks_of_the_route(visit, titles):
    page = visit(titles)
    history = readers_of(titles)[0]
    (best, *_), *_ = ask(titles, history)
    with client_of(titles) as client:
        body = {"history": history, "candidate": best}
        parts = client.post("/explain", json=body).json()
    opener = page.locator(".row .title").first
    opener.click()
    why = page.locator(".why").first
    expect(why.locator(".words mark")).to_have_text(
        [each["word"] for each in parts["title"]["words"]]
    )
    added = dict.fromkeys(history, 0)
    for click in parts["clicks"]:
        added[click["article_id"]] += click["contribution"]
    most = sorted(added.values(), key=abs, reverse=True)
    expected = [*most[:5], sum(most[5:])] if most[5:] else most
    if abs(parts["padding"]) >= 5e-4:
        expected.append(parts["padding"])
    expect(why.locator(".parts .score")).to_have_text([written(value, "+") for value in expected])
    expect(why).to_contain_text(f"Together the score, {written(parts['score'])}.")
    expect(opener).to_have_attribute("aria-expanded", "true")
    opener.press("Enter")
    expect(why).to_be_hidden()
    expect(opener).to_have_attribute("aria-expanded", "false")


def test_with_a_key_an_added_article_lands_where_the_route_ranks_it(visit, titles):
    page = visit(titles, refused=[401])
    history = readers_of(titles)[0]
    _, (best, *_), _ = ask(titles, history)
    add = page.get_by_role("button", name="Add, and see where it lands")
    page.get_by_label("Title", exact=True).fill(best)
    page.get_by_label("Category").fill("fresh")
    add.click()
    page.get_by_label("Key", exact=True).press("Escape")
    expect(page.locator("#problem")).to_have_text("X-API-Key: missing or wrong")
    add.click()
    for key in ("wrong", KEY):
        page.get_by_label("Key", exact=True).fill(key)
        page.get_by_role("button", name="Use it").click()
        if key == "wrong":
            expect(page.get_by_text("does not know this key")).to_be_visible()
    row = page.locator(".is-new")
    expect(row.locator(".title")).to_have_text(best)
    expect(row.locator(".chip")).to_have_text("fresh")
    with client_of(titles) as client:
        total = client.get("/articles", params={"limit": 0}).json()["total"]
        found = client.get("/articles", params={"search": best, "limit": 1_000}).json()["articles"]
    (new,) = [each["article_id"] for each in found if each["category"] == "fresh"]
    ids = [row["article_id"] for row in recommend(titles, history, total)]
    place = ids.index(new) + 1
    assert place <= 2, "it reads as the best article does"
    expect(row.locator(".place")).to_have_text(str(place))
    lands = f"“{best}” lands at {place} of {len(ids):,}."
    expect(page.locator("#landed")).to_have_text(lands)
    expect(page.locator("#problem")).to_be_hidden()


def test_a_vector_is_added_and_a_wrong_one_is_told_in_one_line(visit, vectors):
    page = visit(vectors, refused=[422])
    shows(page, ask(vectors, []))
    add = page.get_by_role("button", name="Add, and see where it lands")
    field, problem = page.get_by_label("Vector"), page.locator("#problem")
    for text, line in (
        ("[1, 2", "Vector: no JSON"),
        ("[0.5]", "articles[0].vector: expected 64 numbers"),
        ('{"headline": "x"}', "articles.0.headline"),
    ):
        field.fill(text)
        add.click()
        expect(problem).to_contain_text(line)
        assert "\n" not in problem.inner_text()
    page.get_by_role("button", name="Draw one at random").click()
    page.get_by_label("Title", exact=True).fill("a new one")
    add.click()
    expect(page.locator("#landed")).to_have_text(
        re.compile(r"^“a new one” lands at [\d,]+ of 1,550\.$")
    )
    expect(page.locator(".is-new .title")).to_have_text("a new one")
    expect(problem).to_be_hidden()


def test_a_server_that_is_gone_is_told_and_forgotten_when_it_is_back(visit, titles):
    page = visit(titles)
    expect(page.locator(".row")).not_to_have_count(0)
    page.context.set_offline(True)
    page.locator(".pill").nth(1).click()
    expect(page.locator("#problem")).to_have_text("The server does not answer.")
    page.context.set_offline(False)
    page.locator(".pill").nth(1).click()
    shows(page, ask(titles, readers_of(titles)[1]))
    expect(page.locator("#problem")).to_be_hidden()


def test_a_busy_server_is_asked_again(visit, titles):
    page = visit(titles, refused=[503])
    shows(page, ask(titles, readers_of(titles)[0]))
    busy = {"status": 503, "headers": {"Retry-After": "1"}}
    page.route("**/recommend", lambda route: route.fulfill(**busy), times=1)
    page.locator(".pill").nth(1).click()
    shows(page, ask(titles, readers_of(titles)[1]))
    expect(page.locator("#problem")).to_be_hidden()


def test_the_keyboard_stays_where_it_was(visit, titles):
    page = visit(titles)
    pill = page.locator(".pill").nth(1)
    pill.press("Space")
    expect(pill).to_have_attribute("aria-pressed", "true")
    expect(pill).to_be_focused()
    remove = page.locator("#history .remove")
    number = remove.count()
    remove.first.press("Enter")
    expect(remove).to_have_count(number - 1)
    expect(remove.first).to_be_focused()


@pytest.mark.parametrize("kind", ["titles", "vectors"])
def test_a_phone_shows_all_without_scrolling_sideways(visit, kind, request):
    page = visit(request.getfixturevalue(kind), viewport=PHONE, has_touch=True)
    expect(page.locator(".row")).to_have_count(10)
    page.locator(".row .title").first.tap()
    expect(page.locator(".why .sum")).to_be_visible()
    page.get_by_label("Add a click").tap()
    expect(page.locator("#found li")).not_to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    outside = """[...document.querySelectorAll("body *")].filter((element) => {
        const { left, right, width } = element.getBoundingClientRect();
        return width && (left < -1 || right > innerWidth + 1);
    }).map((element) => element.outerHTML)"""
    assert page.evaluate(outside) == []


def test_dark_mode_is_the_systems(visit, titles):
    def lightness(scheme):
        page = visit(titles, color_scheme=scheme)
        style = "getComputedStyle(document.body)"
        colours = page.evaluate(f"[{style}.backgroundColor, {style}.color]")
        return [sum(map(int, re.findall(r"\d+", colour)[:3])) / 3 for colour in colours]

    paper, ink = lightness("light")
    assert paper > 200 > 100 > ink
    paper, ink = lightness("dark")
    assert paper < 50 < 200 < ink


def test_the_viewer_of_the_api_asks_no_other_host(visit, titles):
    page = visit(titles, "/docs")
    expect(page.locator(".opblock-summary-path", has_text="recommend")).to_be_visible()


def test_a_picture_of_the_page_is_small_enough_for_the_readme(browser, bundle, tmp_path):
    file = Path(IMAGE) if IMAGE else tmp_path / "page.png"
    with running_server(IMAGE_BUNDLE or bundle) as server:
        page = browser.new_page(viewport={"width": 1_120, "height": 860})
        page.goto(server.url)
        page.locator(".row .title").first.click()
        expect(page.locator(".why .sum")).to_be_visible()
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=file, animations="disabled")
        page.close()
    assert file.stat().st_size <= IMAGE_KB * 1_000
