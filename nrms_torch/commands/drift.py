"""`nrms drift`: compare two versions of a data set."""

import sys
from pathlib import Path

from omegaconf import DictConfig
from rich.table import Table

from nrms_torch.console import plain_console
from nrms_torch.data.quality.drift import compare_versions
from nrms_torch.data.quality.drift_report import write_html, write_json
from nrms_torch.fields import require_integer, require_number
from nrms_torch.files import require_writable


def main(config: DictConfig) -> None:
    """Print each feature's drift, write the report, and fail for drift where that is asked."""
    require_number("threshold", config.threshold, least=0)
    require_number("significance", config.significance, least=0, below=1)
    require_integer("rows", config.rows, 1)
    for file in filter(None, (config.report, config.json)):
        require_writable(Path(file))
    drifts = compare_versions(config)
    table = Table(title=f"{config.reference} → {config.current}")
    for column in ("of", "feature", "PSI", "statistic", "p-value", "drifted"):
        table.add_column(column, justify="left" if column in ("of", "feature") else "right")
    for name, found in drifts.items():
        for drift in found:
            numbers = (f"{drift.psi:.3f}", f"{drift.statistic:.3f}", f"{drift.p_value:.1e}")
            table.add_row(name, drift.feature, *numbers, "yes" if drift.drifted else "no")
    plain_console(least_width=100).print(table)
    if config.report:
        names = (str(config.reference), str(config.current))
        write_html(Path(config.report), drifts, names, config.threshold)
    if config.json:
        write_json(Path(config.json), drifts)
    drifted = sum(drift.drifted for found in drifts.values() for drift in found)
    print(f"{drifted} features have drifted" if drifted else "no feature has drifted")
    if drifted and config.fail:
        sys.exit(1)
