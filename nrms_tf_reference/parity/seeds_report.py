"""The table of the seeds: each AUC, the means with their standard errors, and Welch's test."""

import numpy as np
from rich.console import Console
from rich.table import Table

from nrms_tf_reference.parity.seeds import SIDES, SeedRun, comparable, final_aucs, welch

_SIGNIFICANT = 0.05


def print_seeds(runs: list[SeedRun]) -> None:
    """Print AUC and loss after the last epoch by side and, from two seeds on, the tests."""
    seeds = sorted({run.seed for run in runs})
    table = Table("AUC", *(f"seed {seed}" for seed in seeds), "mean", "standard error", "mean loss")
    for column in table.columns[1:]:
        column.justify = "right"
    for side in SIDES:
        of_side = {run.seed: run for run in runs if run.side == side}
        if not of_side:
            continue
        aucs = final_aucs(runs, side)
        error = f"{aucs.std(ddof=1) / len(aucs) ** 0.5:.4f}" if len(aucs) > 1 else ""
        loss = np.mean([run.losses[-1] for run in of_side.values()])
        by_seed = [f"{of_side[seed].aucs[-1]:.4f}" if seed in of_side else "" for seed in seeds]
        table.add_row(side, *by_seed, f"{aucs.mean():.4f}", error, f"{loss:.3f}")
    console = Console()
    if not console.is_terminal:
        console.width = 160
    console.print(table)
    for side in comparable(runs):
        test = welch(runs, side)
        verdict = "differ" if test.p < _SIGNIFICANT else "do not differ significantly"
        console.print(
            f"the means of {side} and reference {verdict}: Welch's t = {test.t:.2f} with "
            f"{test.degrees_of_freedom:.1f} degrees of freedom, p = {test.p:.2f}",
            highlight=False,
        )
