"""Predict a large split without labels, and read the submission back.

`python -m benchmarks.unlabelled DATA RUN` makes its split of the train split of generated data, and
takes a run that was trained on it. It prints seconds and the peak of memory, and fails where a line
of the submission is not one impression's, in the split's order, with ranks from 1 to the last.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import polars as pl

from nrms_torch.data.ebnerd import BEHAVIORS_FILE, HISTORY_FILE, IDS_CLICKED, IDS_INVIEW
from nrms_torch.data.schema import IMPRESSION_ID
from nrms_torch.evaluation.submission import MEMBERS


def make_split(data: Path, target: Path) -> Path:
    """Make `target` of the train split of `data`, a test split without clicks; give behaviors."""
    (target / "test").mkdir(parents=True)
    behaviors = target / "test" / BEHAVIORS_FILE
    pl.scan_parquet(data / "train" / BEHAVIORS_FILE).drop(IDS_CLICKED).sink_parquet(behaviors)
    (target / "test" / HISTORY_FILE).symlink_to((data / "train" / HISTORY_FILE).resolve())
    return behaviors


def predict(data: Path, target: Path, run: Path, output: Path) -> float:
    """Predict by the command itself; give its seconds."""
    vectors = data / "document_vectors.parquet"
    words = [f"run={run}", f"data.path={target}", f"data.vectors={vectors}", f"output={output}"]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "nrms_torch", "predict", *words], check=True)
    return time.perf_counter() - start


def read_back(submission: Path, behaviors: Path) -> int:
    """Hold each line to its impression; give their number, ValueError for one that does not fit."""
    expected = pl.read_parquet(behaviors, columns=[IMPRESSION_ID, IDS_INVIEW]).select(
        IMPRESSION_ID, pl.col(IDS_INVIEW).list.len()
    )
    with zipfile.ZipFile(submission).open(MEMBERS["ebnerd"]) as lines:
        for row, line in zip(expected.iter_rows(), lines, strict=True):
            impression, ranks = line.split(b" ", 1)
            if (int(impression), list(range(1, row[1] + 1))) != (row[0], sorted(json.loads(ranks))):
                raise ValueError(f"{submission}: {line!r} is not impression {row[0]}'s")
    return len(expected)


if __name__ == "__main__":
    source, trained = map(Path, sys.argv[1:3])
    with tempfile.TemporaryDirectory() as folder:
        split, zipped = Path(folder) / "data", Path(folder) / "predictions.zip"
        behaviors_file = make_split(source, split)
        for what in ("preparing and predicting", "predicting what is prepared"):
            seconds = predict(source, split, trained, zipped)
            print(f"{what}: {seconds:.1f} s, at a load of {os.getloadavg()[0]:.1f}")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"peak of resident memory: {peak:,.0f} MiB")
        print(f"{read_back(zipped, behaviors_file):,} impressions read back")
