"""What the page should show: the answers of the routes, as the page writes them."""

from playwright.sync_api import expect
from served import client_of

# Far above what anything takes, for where other tests have the cores.
TIMEOUT_MS = 30_000
KEY = "secret"  # of the servers that have one


def ask(server, history, k=10):
    """Rank by the route, and give ids, and titles and scores as the page writes them."""
    ranking = recommend(server, history, k)
    ids = [row["article_id"] for row in ranking]
    with client_of(server) as client:
        found = client.get("/articles", params={"article_id": ids, "limit": k}).json()["articles"]
    shown = [article["title"] or f"Article {article['article_id']}" for article in found]
    return ids, shown, [written(row["score"]) for row in ranking]


def recommend(server, history, k):
    """Rank all articles by the route."""
    with client_of(server) as client:
        body = {"history": history, "k": k}
        return client.post("/recommend", json=body).json()["ranking"]


def readers_of(server):
    """The histories of a server's sample readers, as ids."""
    with client_of(server) as client:
        readers = client.get("/readers").json()["readers"]
    return [[click["article_id"] for click in reader["history"]] for reader in readers]


def written(value, sign=""):
    """A score as the page writes it."""
    return f"{value:{sign}.3f}".replace("-", "−")


def shows(page, expected):
    """Check that the page shows what `ask` gave."""
    _, titles, scores = expected
    expect(page.locator(".row .what .title")).to_have_text(titles)
    expect(page.locator(".row .measure .score")).to_have_text(scores)
