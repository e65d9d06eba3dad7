"""`nrms embed`: make document vectors from titles."""

from pathlib import Path

from omegaconf import DictConfig

from nrms_torch.data.config import DataConfig
from nrms_torch.data.remote import local_copy
from nrms_torch.data.source import embed_articles
from nrms_torch.fields import require_integer
from nrms_torch.files import require_writable


def main(config: DictConfig) -> None:
    """Embed every article of a data folder and write one parquet."""
    output = Path(str(config.output))
    require_writable(output)
    require_integer("batch_size", config.batch_size, 1)
    columns = tuple(config.text_columns)
    data = local_copy(DataConfig(format=config.format, path=config.path, text_columns=columns))
    embed_articles(data, config.transformer, output, batch_size=config.batch_size)
