"""`nrms download`: fetch EB-NeRD's bundles and artifacts."""

from pathlib import Path

from omegaconf import DictConfig

from nrms_torch.data.download.download import download


def main(config: DictConfig) -> None:
    """Download and unpack one archive, or go on with what is there of it."""
    name, output, url = (
        None if config[field] is None else str(config[field]) for field in ("name", "output", "url")
    )
    download(
        name,
        Path(output) if output is not None else None,
        url=url,
        accept_terms=config.accept_terms,
    )
