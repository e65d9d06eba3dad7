"""The rows of a report: medians of several turns of both sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.speed.turns import Turn


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement; `ours` and `reference` are medians in `unit`, `ratio` is ours / reference.

    The ranges are the least and the greatest turn. Memory is the peak of a process, the largest
    where a side has several. `sgemm_share` is our useful operations over what the machine's matrix
    product makes in the same time. `products` is the rate of a step that is nothing but its matrix
    products. What was not measured is None.
    """

    case: str
    model: str
    batch: int | None
    ours: float
    reference: float | None
    ratio: float | None
    unit: str
    peak_mib: float
    reference_peak_mib: float | None = None
    ours_range: tuple[float, float]
    reference_range: tuple[float, float] | None = None
    seconds: float  # of ours, the median turn's step
    impressions: int | None = None
    sgemm_share: float | None = None
    products: float | None = None
    loss_difference: float | None = None


def rates(turns: Sequence[Turn]) -> list[float]:
    """Give the work per second of each turn."""
    return [turn.work / turn.seconds for turn in turns]


def span(values: Sequence[float]) -> tuple[float, float]:
    """Give the least and the greatest."""
    return min(values), max(values)


def row(
    ours: Sequence[Turn],
    reference: Sequence[Turn] = (),
    *,
    case: str,
    model: str,
    batch: int | None,
    unit: str,
    steps: int,
    impressions: int | None = None,
    scale: float = 1.0,
) -> Row:
    """Make a row of both sides' turns, of `steps` steps each on our side; rates times `scale`."""
    our_rates, their_rates = ([rate * scale for rate in rates(side)] for side in (ours, reference))
    is_counted = all(turn.flops and turn.sgemm for turn in ours)
    return Row(
        case=case,
        model=model,
        batch=batch,
        ours=median(our_rates),
        reference=median(their_rates) if reference else None,
        ratio=median(our_rates) / median(their_rates) if reference else None,
        unit=unit,
        peak_mib=max(turn.peak_mib for turn in ours),
        reference_peak_mib=max((turn.peak_mib for turn in reference), default=None),
        ours_range=span(our_rates),
        reference_range=span(their_rates) if reference else None,
        seconds=median(turn.seconds for turn in ours) / steps,
        impressions=impressions,
        sgemm_share=_share(ours) if is_counted else None,
    )


def _share(turns: Sequence[Turn]) -> float:
    """Give the median of what each turn made over what its sgemm, measured just before, makes."""
    return median(turn.flops / turn.seconds / turn.sgemm for turn in turns)
