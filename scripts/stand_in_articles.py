"""Make up articles for EB-NeRD impressions: `python scripts/stand_in_articles.py path=… output=…`.

They carry no meaning: they are for measuring speed and parity on real impressions, not quality.
"""

from pathlib import Path

from omegaconf import DictConfig

from nrms_torch.commands.main import command
from nrms_torch.data.demo.stand_in import write_stand_in


@command("stand_in_articles")
def main(config: DictConfig) -> None:
    """Write the data folder and say what it holds."""
    source, output = Path(str(config.path)), Path(str(config.output))
    articles = write_stand_in(source, output, seed=config.seed, width=config.width)
    print(f"{output}: {articles:,} stand-in articles, without meaning, for {source}")


if __name__ == "__main__":
    main()
