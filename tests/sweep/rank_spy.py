"""A callback that tells, for each rank, what it has really trained with."""

import json
from pathlib import Path

import lightning as L


class RankSpy(L.Callback):
    """Writes rank-N.json into `folder` when training ends."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.rows = 0

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.rows = max(self.rows, len(batch.history))

    def on_train_end(self, trainer, pl_module):
        found = {
            "rate": trainer.optimizers[0].param_groups[0]["lr"],
            "rows": self.rows,
            "epochs": trainer.current_epoch,
        }
        (self.folder / f"rank-{trainer.global_rank}.json").write_text(json.dumps(found))
