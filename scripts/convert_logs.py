"""Convert a site's raw logs: `python scripts/convert_logs.py mapping=FILE output=FOLDER`."""

from omegaconf import DictConfig, OmegaConf

from nrms_torch.cli import command
from nrms_torch.console import plain_console
from nrms_torch.data.own.convert import convert


@command("convert_logs")
def main(config: DictConfig) -> None:
    """Write the data folder, and print what was read, left out and written."""
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    options = {str(name): value for name, value in settings.items()}
    mapping, output = (str(options.pop(name)) for name in ("mapping", "output"))
    plain_console(least_width=110).print(convert(mapping, output, **options))


if __name__ == "__main__":
    main()
