"""The table of the seeds: each AUC, the means with their standard errors, and Welch's test."""

from rich.console import Console
from rich.table import Table

from nrms_torch.parity.seeds import SIDES, SeedRun, welch

_SIGNIFICANT = 0.05


def print_seeds(runs: list[SeedRun]) -> None:
    """Print the AUC after the last epoch by seed and side and, from two seeds on, the test."""
    seeds = sorted({run.seed for run in runs})
    table = Table("", *(f"seed {seed}" for seed in seeds), "mean", "standard error")
    for column in table.columns[1:]:
        column.justify = "right"
    test = welch(runs) if len(seeds) > 1 else None
    for side in SIDES:
        final = {run.seed: run.aucs[-1] for run in runs if run.side == side}
        summary = (test.means[side], test.standard_errors[side]) if test else (final[seeds[0]], 0)
        table.add_row(side, *(f"{value:.4f}" for value in (*map(final.get, seeds), *summary)))
    console = Console()
    if not console.is_terminal:
        console.width = 160
    console.print(table)
    if test:
        verdict = "differ" if test.p < _SIGNIFICANT else "do not differ significantly"
        console.print(
            f"the means {verdict}: Welch's t = {test.t:.2f} with {test.degrees_of_freedom:.1f} "
            f"degrees of freedom, p = {test.p:.2f}",
            highlight=False,
        )
