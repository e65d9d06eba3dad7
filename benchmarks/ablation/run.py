"""Run an ablation: every case, seed and day that is not measured yet, then the tables."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from benchmarks.ablation.cases import CASES, REFERENCE
from benchmarks.ablation.days import forward_days
from benchmarks.ablation.measure import Measured, load, measure, save
from benchmarks.ablation.report import case_table, draw_lengths, length_table, stacked
from nrms_torch.errors import InputError

_SPLITS = ("days", "validation", "test")
# What an ablation says of itself; all else that is typed holds for the trainings.
_OWN = ("split", "cases", "seeds", "output", "drawn")


def run_ablation(config: DictConfig, typed: Sequence[str]) -> str:
    """Measure the cases and write `table.md` and `lengths.png` into `output`; give the tables.

    `split` is what is measured: the last two `days` inside MIND's train, each after training on
    those before, or the `validation` or `test` split. Raises InputError for a mistake in it.
    """
    if config.split not in _SPLITS:
        raise InputError(f"split: {config.split!r} is none of {', '.join(_SPLITS)}")
    names = list(CASES) if config.cases is None else [REFERENCE, *config.cases]
    if unknown := [name for name in names if name not in CASES]:
        raise InputError(f"cases: {unknown[0]!r} is none of {', '.join(CASES)}")
    output = Path(str(config.output))
    given = [override for override in typed if override.split("=")[0].lstrip("+~") not in _OWN]
    if config.split == "days":
        folders = forward_days(Path(str(config.data.path)), output / "days")
        parts = [(folder.name, [*given, f"data.path={folder}"]) for folder in folders]
    else:
        parts = [(config.split, given)]
    results, clicks = {}, np.zeros(0)
    for name in dict.fromkeys(names):
        # What is not trained has no seed.
        is_trained = "trainer.max_epochs=0" not in CASES[name].overrides
        seeds = [
            [
                _measured(output, name, part, seed, overrides, config.split)
                for part, overrides in parts
            ]
            for seed in (config.seeds if is_trained else config.seeds[:1])
        ]
        results[name] = stacked([np.concatenate([day.auc for day in days]) for days in seeds])
        if name == REFERENCE:
            clicks = np.concatenate([day.clicks for day in seeds[0]])
    drawn = {name: auc for name, auc in results.items() if name in {REFERENCE, *config.drawn}}
    draw_lengths(drawn, clicks, output / "lengths.png")
    text = f"{case_table(results)}\n\n{length_table(results, clicks)}\n"
    (output / "table.md").write_text(text, encoding="utf-8")
    return text


def _measured(
    output: Path, name: str, part: str, seed: int, overrides: list[str], split: str
) -> Measured:
    file = output / part / f"{name.replace(' ', '_').replace(',', '').replace(':', '')}-{seed}.npz"
    if not file.exists():
        measured = measure(
            CASES[name], [*overrides, f"seed={seed}"], "validation" if split == "days" else split
        )
        save(measured, file)
        print(f"{part}, seed {seed}: {name}: {np.nanmean(measured.auc):.4f}", flush=True)
    return load(file)
