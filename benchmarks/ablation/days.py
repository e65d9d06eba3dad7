"""Forward days inside MIND's train split: train on all before a day, measure on that day.

One day misleads: what gained .017 on one lost .003 on the next. Choices are made on two.
"""

from datetime import date
from pathlib import Path

import polars as pl

from nrms_torch.data.mind import read_visits
from nrms_torch.errors import InputError

DAYS = 2


def forward_days(folder: Path, output: Path) -> list[Path]:
    """Make a MIND folder for each of the last days of `folder`'s train split, the earliest first.

    Its train split is all before that day, its validation split that day. InputError where the
    split has too few days.
    """
    times = read_visits(folder, "train")
    assert times is not None, "MIND tells times"
    days = times.collect()["time"].dt.date()
    last = sorted(set(days.drop_nulls()))[-DAYS:]
    if days.n_unique() <= DAYS:
        raise InputError(f"{folder}: train has {days.n_unique()} days; expected more than {DAYS}")
    return [_one_day(folder, output / str(day), days, day) for day in last]


def _one_day(folder: Path, output: Path, days: pl.Series, day: date) -> Path:
    source = folder / "train"
    lines = (source / "behaviors.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    for split, chosen in (("train", days < day), ("dev", days == day)):
        part = output / split
        part.mkdir(parents=True, exist_ok=True)
        kept = [line for line, is_in in zip(lines, chosen, strict=True) if is_in]
        (part / "behaviors.tsv").write_text("".join(kept), encoding="utf-8")
    news = output / "train" / "news.tsv"
    if not news.exists():
        news.symlink_to((source / "news.tsv").resolve())
    return output
