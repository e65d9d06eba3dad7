"""The page's files as they are sent: types, caching, and a policy that lets nothing else in."""

import re

import pytest
from served import problem

from nrms_torch.serving.api.page import FOLDER

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FILES = sorted(path.name for path in FOLDER.iterdir())


def test_the_page_is_html_that_may_use_its_own_server_alone(client):
    response = client.get("/")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.text == (FOLDER / "index.html").read_text()
    policy = dict(
        rule.strip().split(" ", 1)
        for rule in response.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert set(policy.values()) == {"'none'", "'self'"}
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", [name for name in FILES if name != "index.html"])
def test_a_file_has_its_type_and_is_asked_for_again_only_when_it_is_another(client, name):
    response = client.get(f"/page/{name}")
    assert response.content == (FOLDER / name).read_bytes()
    assert response.headers["content-type"] == TYPES[f".{name.split('.')[1]}"]
    assert response.headers["cache-control"] == "no-cache"
    again = client.get(f"/page/{name}", headers={"if-none-match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"
    head = client.head(f"/page/{name}")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_another_host_or_is_long(name):
    text = (FOLDER / name).read_text()
    hosts = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text))
    assert hosts <= {"http://www.w3.org"}, "the name of SVG is no address"
    assert text.count("\n") <= 250


def test_a_path_that_is_no_file_is_a_problem(client):
    for path in ("/page/none.js", "/page/../app.py", "/page/%2e%2e/bundle.py", "/page/", "/none"):
        problem(client.get(path), 404)
    problem(client.post("/"), 405)
    wrong_method = client.get("/recommend")
    problem(wrong_method, 405)
    assert wrong_method.headers["allow"] == "POST"
