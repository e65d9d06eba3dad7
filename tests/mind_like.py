"""Generated data written as MIND has it: tsv files, and article ids such as N9000001."""

from pathlib import Path

import polars as pl

_FOLDERS = {"train": "train", "validation": "dev"}
_TIME = "11/13/2019 8:36:57 AM"


def write_mind(demo: Path, folder: Path) -> None:
    """Write the generated data of `demo` into `folder`."""
    articles = pl.read_parquet(demo / "articles.parquet")
    news = [
        f"N{article_id}\t{category}\tall\t{title}\t\thttps://x\t[]\t[]\n"
        for article_id, category, title in articles.select(
            "article_id", "category_str", "title"
        ).rows()
    ]
    for source, name in _FOLDERS.items():
        histories = pl.read_parquet(demo / source / "history.parquet")
        clicks_of = dict(histories.select("user_id", "article_id_fixed").rows())
        behaviors = pl.read_parquet(demo / source / "behaviors.parquet").select(
            "impression_id", "user_id", "article_ids_inview", "article_ids_clicked"
        )
        lines = [
            f"{number}\tU{user}\t{_TIME}\t{_words(clicks_of.get(user, []))}\t"
            f"{' '.join(f'N{shown}-{int(shown in clicked)}' for shown in inview)}\n"
            for number, user, inview, clicked in behaviors.rows()
        ]
        (folder / name).mkdir(parents=True)
        (folder / name / "behaviors.tsv").write_text("".join(lines))
        (folder / name / "news.tsv").write_text("".join(news))


def _words(article_ids: list[int]) -> str:
    return " ".join(f"N{article_id}" for article_id in article_ids)
