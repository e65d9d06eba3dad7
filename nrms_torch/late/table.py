"""What a late stage has learnt, as a table that a person can read."""

from typing import NamedTuple

from rich.table import Table

from nrms_torch.console import plain_console
from nrms_torch.late.features import meaning
from nrms_torch.late.linear import Linear
from nrms_torch.late.stage import STREAMING, LateStage

_TEXT = "text"
_TEXT_MEANING = "NRMS' score of the article for the reader"


class Learnt(NamedTuple):
    """By what rule, what the values are called, and of each feature its name, value and meaning."""

    title: str
    heading: str
    rows: list[tuple[str, str, str]]


def learnt(stage: LateStage) -> Learnt:
    """Tell the weights, or what each column brought the trees."""
    settings = stage.settings
    known = (
        f"what everybody knew {settings.lag} s later"
        if settings.rule == STREAMING
        else "clicks of train alone"
    )
    if isinstance(stage.fitted, Linear):
        heading, named = "weight", dict(zip(stage.features, stage.fitted.weights, strict=True))
        if stage.fitted.text_weight:
            named = {_TEXT: stage.fitted.text_weight, **named}
        values = {name: f"{weight:+.3f}" for name, weight in named.items()}
    else:
        heading = "share of the gain"
        values = {name: f"{share:.1%}" for name, share in stage.fitted.importance().items()}
    rows = [
        (name, value, _TEXT_MEANING if name == _TEXT else meaning(name))
        for name, value in values.items()
    ]
    return Learnt(f"late features, {settings.kind}, {settings.rule}: {known}", heading, rows)


def print_stage(stage: LateStage) -> None:
    """Print what a stage has learnt."""
    title, heading, rows = learnt(stage)
    table = Table(title=title)
    table.add_column("feature")
    table.add_column(heading, justify="right")
    table.add_column("what it is")
    for row in rows:
        table.add_row(*row)
    plain_console(least_width=100).print(table)
