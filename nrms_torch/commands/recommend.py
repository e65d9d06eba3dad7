"""`nrms recommend`: rank articles for a reader."""

from omegaconf import DictConfig
from rich.table import Table

from nrms_torch.console import plain_console
from nrms_torch.errors import InputError
from nrms_torch.serving import ArticleId, Recommender


def main(config: DictConfig) -> None:
    """Print what the reader clicked, the best articles, and the click that carried each."""
    recommender = Recommender(str(config.bundle))
    history = _ids("history", config.history)
    if history is None:
        history = [article.article_id for article in recommender.articles()[:3]]
    candidates = _ids("candidates", config.candidates)
    ranking = recommender.rank(history, candidates, config.k, config.diversity)
    console = plain_console()
    console.print("clicked:", ", ".join(_name(recommender, clicked) for clicked in history))
    choice = f"{len(recommender):,} articles" if candidates is None else "the candidates"
    table = Table(title=f"the best of {choice}")
    for column in ("article", "category", "chance of a click", "score", "most by the click on"):
        is_number = column in ("score", "chance of a click")
        table.add_column(column, justify="right" if is_number else "left")
    chances = [""] * len(ranking)
    if ranking.probabilities is not None:
        chances = [f"{chance:.0%}" for chance in ranking.probabilities]
    for article_id, score, chance in zip(ranking.article_ids, ranking.scores, chances, strict=True):
        clicks = recommender.explain(history, article_id).clicks
        most = max(clicks, key=lambda click: click.contribution, default=None)
        shown = recommender.article(article_id)
        table.add_row(
            _name(recommender, article_id),
            shown.category if shown else "",
            chance,
            f"{score:.4f}",
            "" if most is None else _name(recommender, most.article_id),
        )
    console.print(table)
    for kind, unknown in (
        ("clicks", ranking.unknown_clicks),
        ("candidates", ranking.unknown_candidates),
    ):
        if unknown:
            console.print(f"unknown {kind}:", ", ".join(map(str, unknown)))


def _ids(field: str, value: object) -> list[ArticleId] | None:
    if value is None:
        return None
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise InputError(f"{field}: expected a list of article ids, as [1,2], found {value!r}")
    return list(value)


def _name(recommender: Recommender, article_id: ArticleId) -> str:
    article = recommender.article(article_id)
    title = " ".join(article.title.split()[:6]) if article else "unknown"
    return f"{article_id} {title}".strip()
