"""Train and rank beside live TensorFlow: `python scripts/parity_race.py data.path=FOLDER`."""

import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from nrms_tf_reference.parity.live_reference import require_tensorflow
from nrms_tf_reference.parity.race import run_race
from nrms_tf_reference.parity.race_report import draw_race, write_race
from nrms_tf_reference.parity.report import print_table
from nrms_tf_reference.parity.suite import Results
from nrms_torch.commands.main import command
from nrms_torch.files import require_writable

_TOLD = ("data", "model", "training", "seed", "steps", "impressions", "start", "precision")


@command("parity_race")
def main(config: DictConfig) -> None:
    """Run the race, print and write its report; exit status 1 if a check misses."""
    require_tensorflow()
    table, figure = (Path(str(config.output)) / f"race.{kind}" for kind in ("json", "png"))
    for file in (table, figure):
        require_writable(file)
    race = run_race(config)
    results = Results(checks=race.checks)
    print_table(results)
    settings: Any = OmegaConf.to_container(config, resolve=True)
    write_race(race, {key: settings[key] for key in _TOLD}, table)
    draw_race(race, config.model.name, figure)
    if results.misses:
        sys.exit(1)


if __name__ == "__main__":
    main()
