"""What a late stage has learnt, as a table that a person can read."""

from rich.table import Table

from nrms_torch.console import plain_console
from nrms_torch.late.features import meaning
from nrms_torch.late.linear import Linear
from nrms_torch.late.stage import STREAMING, LateStage

_TEXT = "text", "NRMS' score of the article for the reader"


def print_stage(stage: LateStage) -> None:
    """Print the weights, or what each column brought the trees."""
    settings = stage.settings
    known = (
        f"what everybody knew {settings.lag} s later"
        if settings.rule == STREAMING
        else "clicks of train alone"
    )
    table = Table(title=f"late features, {settings.kind}, {settings.rule}: {known}")
    table.add_column("feature")
    if isinstance(stage.fitted, Linear):
        table.add_column("weight", justify="right")
        named = dict(zip(stage.features, stage.fitted.weights, strict=True))
        if stage.fitted.text_weight:
            named = {_TEXT[0]: stage.fitted.text_weight, **named}
        rows = [(name, f"{weight:+.3f}") for name, weight in named.items()]
    else:
        table.add_column("share of the gain", justify="right")
        rows = [(name, f"{share:.1%}") for name, share in stage.fitted.importance().items()]
    table.add_column("what it is")
    for name, value in rows:
        table.add_row(name, value, _TEXT[1] if name == _TEXT[0] else meaning(name))
    plain_console(least_width=100).print(table)
