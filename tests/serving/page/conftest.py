"""Servers for a browser to visit, and what a visit must not bring."""

import shutil
from types import SimpleNamespace

import pytest
from exported_runs import reseal
from served import running_server
from shown_page import KEY, TIMEOUT_MS

from nrms_torch.serving.bundle import READERS


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
        page.set_default_timeout(TIMEOUT_MS)
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
