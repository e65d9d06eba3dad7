"""Where a model stands, as tables for the terminal and lines that say it in words."""

from collections.abc import Iterator

from rich.table import Table

from nrms_torch.evaluation.intervals import Interval
from nrms_torch.evaluation.standing import Standing

_SHOWN = ("auc", "mrr", "ndcg@5", "ndcg@10")


def shown_name(name: str) -> str:
    """A ranking's name as people read it."""
    return name.replace("_", " ")


def standing_tables(standing: Standing) -> Iterator[Table]:
    """Give the model beside the simple rankings, then the AUC of all by history length."""
    table = Table(title="beside simple rankings (95 % intervals)")
    table.add_column("")
    for name in ("auc", "interval", *_SHOWN[1:], "model's auc − its"):
        table.add_column(name, justify="right")
    model = standing.model
    own = [f"{model[name].mean:.4f}" for name in _SHOWN]
    table.add_row("model", own[0], _ends(model["auc"]), *own[1:], "", style="bold")
    for name, simple in standing.simple.items():
        own = [f"{simple.metrics[metric]:.4f}" for metric in _SHOWN]
        difference = f"{simple.difference.mean:+.4f} {_ends(simple.difference, '+.3f')}"
        table.add_row(shown_name(name), own[0], _ends(simple.auc), *own[1:], difference)
    yield table
    table = Table(title="auc by the clicks that the model read")
    for name in ("clicks", "impressions", "model", *map(shown_name, standing.simple)):
        table.add_column(name, justify="right")
    for clicks, segment in standing.by_history_length.items():
        table.add_row(
            clicks,
            f"{segment.impressions:,}",
            f"{segment.auc.mean:.4f} ± {(segment.auc.high - segment.auc.low) / 2:.3f}",
            *(f"{auc:.4f}" for auc in segment.simple.values()),
        )
    yield table


def standing_lines(standing: Standing) -> Iterator[str]:
    """Say where the model ranks worse than a simple ranking does; nothing where it does not."""
    worse = standing.worse_than()
    for name, difference in worse.items():
        doubt = "; that may be chance" if difference.high >= 0 else ""
        yield (
            f"the model ranks worse than {shown_name(name)}: its auc is {-difference.mean:.4f} "
            f"lower, 95 % interval of the difference {_ends(difference, '+.4f')}{doubt}"
        )
    for clicks, segment in standing.by_history_length.items():
        name, auc = max(segment.simple.items(), key=lambda each: each[1])
        if auc > segment.auc.high and name not in worse:
            yield (
                f"readers of {clicks} clicks: {shown_name(name)} has an auc of {auc:.4f}, the "
                f"model {segment.auc.mean:.4f}"
            )


def _ends(interval: Interval, form: str = ".3f") -> str:
    return f"[{interval.low:{form}}, {interval.high:{form}}]"
