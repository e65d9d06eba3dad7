"""The files of a race: its numbers as JSON, and both loss curves as a figure."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from nrms_tf_reference.parity.race import Race
from nrms_tf_reference.parity.report import as_row
from nrms_tf_reference.parity.tolerances import RACE_LOSS
from nrms_torch.files import replacing


def write_race(race: Race, settings: dict[str, Any], file: Path) -> None:
    """Write the checks, the losses of every step and the settings that gave them."""
    content = {
        "checks": [as_row(check) for check in race.checks],
        "settings": settings,
        "losses": race.losses.tolist(),
        "reference_losses": race.reference_losses.tolist(),
    }
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def draw_race(race: Race, title: str, file: Path) -> None:
    """Draw both loss curves, and their difference at each step."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    curves, difference = figure.subplots(1, 2)
    steps = np.arange(1, len(race.losses) + 1)
    curves.plot(steps, race.reference_losses, lw=3, alpha=0.4, label="TensorFlow reference")
    curves.plot(steps, race.losses, lw=1, label="nrms-torch")
    curves.set(xlabel="training step", ylabel="training loss", title=title)
    curves.legend()
    apart = np.abs(race.losses - race.reference_losses)
    differs = apart > 0  # nothing else has a place on a logarithmic axis
    difference.plot(steps[differs], apart[differs], ".-", lw=0.5, ms=4)
    difference.axhline(RACE_LOSS, color="0.6", lw=0.8, ls="--", label="tolerance")
    difference.set(xlabel="training step", ylabel="difference of the losses", yscale="log")
    difference.legend()
    for axes in (curves, difference):
        axes.grid(alpha=0.3)
    with replacing(file) as temporary:
        figure.savefig(temporary, dpi=80, format="png")
