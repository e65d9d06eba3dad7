"""Hold a bundle against torch: `python scripts/check_bundle.py bundle=FOLDER checkpoint=FILE`."""

from pathlib import Path

from omegaconf import DictConfig

from nrms_torch.cli import command
from nrms_torch.export.verify import verify


@command("check_bundle")
def main(config: DictConfig) -> None:
    """Verify every file, score drawn impressions both ways, and say how far apart they are."""
    found = verify(Path(str(config.bundle)), Path(str(config.checkpoint)))
    print(
        f"{config.bundle}: agrees with torch on {found.candidates:,} candidates, scores to "
        f"{found.difference:.1e}, {found.moved} ranks moved between scores as good as equal"
    )


if __name__ == "__main__":
    main()
