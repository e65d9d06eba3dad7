"""Make document vectors from titles: `python scripts/embed_articles.py path=… transformer=…`."""

from pathlib import Path

from omegaconf import DictConfig
from rich.progress import Progress

from nrms_torch.cli import command
from nrms_torch.data.articles import article_texts
from nrms_torch.data.config import DataConfig
from nrms_torch.data.embedding import embed_texts, write_vectors
from nrms_torch.data.remote import local_copy
from nrms_torch.errors import InputError
from nrms_torch.fields import require_integer
from nrms_torch.files import require_writable


@command("embed_articles")
def main(config: DictConfig) -> None:
    """Embed every article of a data folder and write one parquet."""
    output = Path(str(config.output))
    require_writable(output)
    require_integer("batch_size", config.batch_size, 1)
    data = local_copy(DataConfig(format=config.format, path=config.path))
    articles = data.reader.read_articles(data.folder)
    if articles is None:
        raise InputError(f"{data.folder}: has no articles file, so there are no titles to embed")
    ids, texts = article_texts(articles, list(config.text_columns))
    with Progress() as progress:
        task = progress.add_task("embedding articles", total=len(texts))
        vectors = embed_texts(
            texts,
            config.transformer,
            batch_size=config.batch_size,
            advance=lambda count: progress.advance(task, count),
        )
    write_vectors(output, ids, vectors)
    print(f"{len(ids)} vectors of width {vectors.shape[1]} written to {output}")


if __name__ == "__main__":
    main()
