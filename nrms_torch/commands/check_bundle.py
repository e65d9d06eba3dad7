"""`nrms check-bundle`: hold a bundle against torch."""

from pathlib import Path

from omegaconf import DictConfig

from nrms_torch.export.check import verify


def main(config: DictConfig) -> None:
    """Verify every file, score drawn impressions both ways, and say how far apart they are."""
    found = verify(Path(str(config.bundle)), Path(str(config.checkpoint)))
    print(
        f"{config.bundle}: agrees with torch on {found.candidates:,} candidates, scores to "
        f"{found.difference:.1e}, {found.moved} ranks moved between scores as good as equal"
    )
