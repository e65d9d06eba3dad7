"""Our side of data preparation: from a folder of impressions to the arrays that loaders index."""

import time
from typing import Any

from omegaconf import OmegaConf

from nrms_torch.benchmark.turns import Turns
from nrms_torch.data.datamodule import NewsDataModule
from nrms_torch.training.assemble import data_config


def prepare(turns: Turns, data: dict[str, Any], history_size: int, seed: int) -> None:
    """Index the train split over the table of document vectors; a step is the whole split."""
    config = data_config(OmegaConf.create(data))
    while steps := turns.wait():
        seconds, impressions = 0.0, 0
        for _ in range(steps):
            datamodule = NewsDataModule(
                config, history_size=history_size, title_size=None, seed=seed
            )
            began = time.perf_counter()
            impressions += len(datamodule.impressions("train"))
            seconds += time.perf_counter() - began
        turns.report(seconds=seconds, work=impressions)
