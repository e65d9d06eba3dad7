"""Where a recommender's bundle comes from: a folder, a run's folder, or a run."""

from pathlib import Path
from typing import Protocol

from nrms_torch.serving.bundle import BUNDLE, MANIFEST, Bundle


class Exportable(Protocol):
    """A run that can be exported: `nrms_torch.Run`."""

    def exported(self) -> Path:
        """Give the folder of its bundle, which is made where there is none."""


def bundle_of(source: Bundle | Exportable | str | Path) -> Bundle:
    """Load the bundle of a source; InputError where it is not whole."""
    if isinstance(source, Bundle):
        return source
    folder = Path(source) if isinstance(source, str | Path) else source.exported()
    inside = folder / BUNDLE
    return Bundle.load(inside if inside.is_dir() and not (folder / MANIFEST).is_file() else folder)
