"""The page at / in a real browser, against a real server: readers, clicks, ranking, reasons."""

from playwright.sync_api import expect
from served import client_of
from shown_page import ask, readers_of, shows, written


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
    expect(search).to_have_value("no such title")


def test_what_is_done_before_the_page_is_live_is_not_lost(visit, titles):
    page, held = visit(titles), []
    page.route("**/v2/models/nrms", lambda route: held.append(route))
    with page.expect_request("**/v2/models/nrms"):
        page.reload()
    page.get_by_label("Add a click").fill("no such title")
    expect(page.get_by_role("button", name="Add, and see where it lands")).to_be_disabled()
    (route,) = held
    route.continue_()
    expect(page.locator("#found")).to_have_text("Nothing found.")
    expect(page.get_by_role("button", name="Add, and see where it lands")).to_be_enabled()


def test_enter_takes_what_the_text_finds_not_what_is_still_listed(visit, titles):
    page = visit(titles)
    page.get_by_role("button", name="Clear").click()
    _, shown, _ = ask(titles, [], k=2)
    search = page.get_by_label("Add a click")
    search.fill(shown[0])
    expect(page.locator("#found li").first).to_contain_text(shown[0])
    search.evaluate(
        """(input, text) => {
            input.value = text;
            input.dispatchEvent(new InputEvent("input", { bubbles: true }));
            input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
        }""",
        shown[1],
    )
    expect(page.locator("#history .title")).to_have_text([shown[1]])


def test_a_search_that_fails_after_a_later_one_is_not_told(visit, titles):
    page = visit(titles)
    held = []
    page.route("**/articles?search=too+late*", lambda route: held.append(route))
    search = page.get_by_label("Add a click")
    with page.expect_request("**/articles?search=too+late*"):
        search.fill("too late")
    search.fill("no such title")
    expect(page.locator("#found")).to_have_text("Nothing found.")
    with page.expect_event("requestfailed"):
        held[0].abort()
    page.evaluate("new Promise((resolve) => setTimeout(resolve))")
    expect(page.locator("#problem")).to_be_hidden()


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
    assert why.locator("p[aria-label]").count() == 0, "a paragraph is read as what it holds"
    added = dict.fromkeys(history, 0)
    for click in parts["clicks"]:
        added[click["article_id"]] += click["contribution"]
    most = sorted(added.values(), key=abs, reverse=True)
    expected = [*most[:5], sum(most[5:])] if most[5:] else most
    expected += [parts[name] for name in ("padding", "common") if abs(parts[name]) >= 5e-4]
    expect(why.locator(".parts .score")).to_have_text([written(value, "+") for value in expected])
    expect(why).to_contain_text(f"Together the score, {written(parts['score'])}.")
    expect(opener).to_have_attribute("aria-expanded", "true")
    opener.press("Enter")
    expect(why).to_be_hidden()
    expect(opener).to_have_attribute("aria-expanded", "false")


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
