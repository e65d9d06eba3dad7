"""Our side of data preparation: from a folder of impressions to the arrays that loaders index."""

import tempfile
import time
from pathlib import Path

from benchmarks.speed.turns import Turns
from nrms_torch.data.config import DataConfig
from nrms_torch.data.datamodule import NewsDataModule


def prepare(turns: Turns, folder: str, history_size: int) -> None:
    """Prepare the train split over the folder's document vectors; a step is the whole split."""
    source = Path(folder).resolve()
    while steps := turns.wait():
        seconds, impressions = 0.0, 0
        for _ in range(steps):
            # A folder of its own, so that nothing is there that an earlier step has kept.
            with tempfile.TemporaryDirectory(dir=source.parent) as fresh:
                (Path(fresh) / "train").symlink_to(source / "train")
                vectors = str(source / "document_vectors.parquet")
                config = DataConfig(format="ebnerd", path=fresh, vectors=vectors)
                datamodule = NewsDataModule(
                    config, history_size=history_size, title_size=None, seed=0
                )
                began = time.perf_counter()
                impressions += len(datamodule.impressions("train"))
                seconds += time.perf_counter() - began
        turns.report(seconds=seconds, work=impressions)
