"""Prove parity with the TensorFlow baseline: `python scripts/parity.py FILE_OR_FOLDER…`."""

import sys
from pathlib import Path

from omegaconf import DictConfig, ListConfig

from nrms_tf_reference.parity.report import draw, print_table, write_json
from nrms_tf_reference.parity.suite import run_checks
from nrms_torch.commands.main import command
from nrms_torch.errors import InputError
from nrms_torch.files import require_writable


@command("parity", "paths", many=True)
def main(config: DictConfig) -> None:
    """Check each file, print and write the report; exit status 1 if a check misses."""
    paths = config.paths if isinstance(config.paths, ListConfig) else [config.paths]
    if not isinstance(config.reference, bool):
        raise InputError(f"reference: expected true or false, found {config.reference!r}")
    table, figure = (Path(str(config.output)) / f"parity.{kind}" for kind in ("json", "png"))
    for file in (table, figure):
        require_writable(file)
    results = run_checks(
        [Path(str(path)) for path in paths],
        weights=None if config.weights is None else Path(str(config.weights)),
        reference=config.reference,
    )
    print_table(results)
    write_json(results, table)
    if results.comparisons:
        draw(results.comparisons, figure)
    if results.misses:
        sys.exit(1)


if __name__ == "__main__":
    main()
