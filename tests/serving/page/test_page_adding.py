"""An article that the page adds lands where the server ranks it, or is told why not."""

import re

from playwright.sync_api import expect
from served import client_of
from shown_page import KEY, ask, readers_of, recommend, shows


def test_with_a_key_an_added_article_lands_where_the_route_ranks_it(visit, titles):
    page = visit(titles, refused=[401])
    history = readers_of(titles)[0]
    _, (best, *_), _ = ask(titles, history)
    add = page.get_by_role("button", name="Add, and see where it lands")
    page.get_by_label("Title", exact=True).fill(best)
    page.get_by_label("Category").fill("fresh")
    add.click()
    field = page.get_by_label("Key", exact=True)
    expect(field).to_be_visible()  # a key pressed before the dialog is open would go nowhere
    field.press("Escape")
    expect(page.locator("#problem")).to_have_text("X-API-Key: missing or wrong")
    add.click()
    for key in ("wrong", KEY):
        field.fill(key)
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


def test_all_articles_are_ranked_only_while_an_added_one_may_be_among_them(visit, vectors):
    page = visit(vectors)
    bodies = []
    page.on("request", lambda request: bodies.append(request.post_data_json))
    page.get_by_role("button", name="Draw one at random").click()
    page.get_by_label("Title", exact=True).fill("another one")
    page.get_by_role("button", name="Add, and see where it lands").click()
    landed, lands = page.locator("#landed"), re.compile("^“another one” lands at")
    expect(landed).to_have_text(lands)
    assert ranked(bodies)["k"] > 1_550
    page.get_by_role("button", name="Click another one", exact=True).click()
    expect(landed).to_have_text("“another one” is among the clicks.")
    (new,), k = (ranked(bodies)[name] for name in ("history", "k"))
    assert k == 10
    page.get_by_role("button", name="Remove another one", exact=True).click()
    expect(landed).to_have_text(lands)

    def without_it(route):
        response = route.fetch()
        answer = response.json()
        answer["ranking"] = [row for row in answer["ranking"] if row["article_id"] != new]
        route.fulfill(response=response, json=answer)

    page.route("**/recommend", without_it)  # as a model does that was swapped in since
    page.locator(".row:not(.is-new) .read").first.click()
    expect(landed).to_have_text("")
    page.locator(".row .read").first.click()
    expect(page.locator("#history li")).to_have_count(2)
    expect(page.locator("#ranking")).not_to_have_attribute("aria-busy", "true")
    assert ranked(bodies)["k"] == 10


def ranked(bodies):
    """The last request for a ranking."""
    return [body for body in bodies if body and "k" in body][-1]


def test_a_failure_after_an_article_was_added_is_told(visit, vectors):
    page = visit(vectors, refused=[500])
    expect(page.locator(".row")).to_have_count(10)
    page.route("**/v2/models/nrms", lambda route: route.fulfill(status=500))
    page.get_by_role("button", name="Draw one at random").click()
    page.get_by_role("button", name="Add, and see where it lands").click()
    expect(page.locator("#problem")).to_have_text("500 Internal Server Error")
