"""The page on a phone, in the dark, by keyboard, without other hosts; and its picture."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from served import running_server
from shown_page import ask, readers_of, shows

PHONE = {"width": 320, "height": 640}
# A picture for the README: NRMS_PAGE_IMAGE=FILE says where to, NRMS_PAGE_BUNDLE of what.
IMAGE, IMAGE_BUNDLE = os.environ.get("NRMS_PAGE_IMAGE"), os.environ.get("NRMS_PAGE_BUNDLE")
IMAGE_KB = 250


def test_the_keyboard_stays_where_it_was(visit, titles):
    page = visit(titles)
    pill = page.locator(".pill").nth(1)
    pill.press("Space")
    expect(pill).to_have_attribute("aria-pressed", "true")
    expect(pill).to_be_focused()
    remove = page.locator("#history .remove")
    number = len(readers_of(titles)[1])
    expect(remove).to_have_count(number)
    remove.first.press("Enter")
    expect(remove).to_have_count(number - 1)
    expect(remove.first).to_be_focused()
    click, (second, *_) = page.locator(".row .read"), ask(titles, readers_of(titles)[1][:-1])[0][1:]
    expect(click).to_have_count(10)
    click.nth(1).press("Enter")
    expect(remove).to_have_count(number)
    shows(page, ask(titles, [*readers_of(titles)[1][:-1], second]))
    expect(click.nth(1)).to_be_focused()


def test_a_button_that_hides_itself_passes_the_keyboard_on(visit, titles):
    page = visit(titles)
    # As if there were no more than twenty.
    page.route("**/v2/models/nrms", few_articles)
    page.reload()
    clear = page.get_by_role("button", name="Clear")
    clear.press("Enter")
    expect(clear).to_be_hidden()
    expect(page.get_by_label("Add a click")).to_be_focused()
    more, rows = page.get_by_role("button", name="Show ten more"), page.locator(".row .title")
    more.press("Enter")
    expect(rows).to_have_count(20)
    expect(more).to_be_hidden()
    expect(rows.nth(10)).to_be_focused()


def few_articles(route):
    response = route.fetch()
    route.fulfill(response=response, json=response.json() | {"articles": 20})


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
