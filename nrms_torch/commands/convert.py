"""`nrms convert`: make a data folder of a site's raw logs."""

from omegaconf import DictConfig

from nrms_torch.configuration import plain
from nrms_torch.console import plain_console
from nrms_torch.data.own.convert import convert


def main(config: DictConfig) -> None:
    """Write the data folder, and print what was read, left out and written."""
    options = plain(config)
    mapping, output = (str(options.pop(name)) for name in ("mapping", "output"))
    plain_console(least_width=110).print(convert(mapping, output, **options))
