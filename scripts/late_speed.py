"""Measure how fast late features are computed: `python scripts/late_speed.py`."""

from omegaconf import DictConfig

from benchmarks.late.speed import generated_visits, measure
from nrms_torch.commands.main import command


@command("late_speed")
def main(config: DictConfig) -> None:
    """Generate impressions, compute their features, and print how fast that was."""
    visits = generated_visits(config.impressions, articles=config.articles, readers=config.readers)
    print(measure(visits, config.features))


if __name__ == "__main__":
    main()
