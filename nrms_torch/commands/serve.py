"""`nrms serve`: serve a bundle."""

from omegaconf import DictConfig

from nrms_torch.configuration import plain
from nrms_torch.serving.api.server import serve
from nrms_torch.serving.api.settings import read_settings


def main(config: DictConfig) -> None:
    """Serve until a signal."""
    serve(read_settings(plain(config)))
