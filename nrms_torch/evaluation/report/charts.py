"""Pictures of the report as SVG: they take their colours from the page, light or dark."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from nrms_torch.evaluation.intervals import Interval

_WIDTH, _HEIGHT, _LEFT, _BELOW = 460, 220, 52, 34


class Line(NamedTuple):
    """A curve: its name, its points (x, y), and the class that colours it."""

    name: str
    points: Sequence[tuple[float, float]]
    style: str


def line_chart(line: Line, x_name: str) -> str:
    """Draw one curve with the ends of both axes written beside it."""
    return _chart([line], x_name, line.name, _range(y for _, y in line.points))


def reliability_chart(points: Sequence[tuple[float, float]]) -> str:
    """Draw what came over what was foretold, beside the line where both are equal."""
    top = max(max(point) for point in points) * 1.05
    lines = [Line("equal", [(0, 0), (top, top)], "aside"), Line("clicked", points, "own")]
    return _chart(lines, "foretold", "clicked", (0, top), (0, top))


def interval_bar(interval: Interval, ends: tuple[float, float]) -> str:
    """Draw a mean with its interval on a scale from one of `ends` to the other, and chance."""
    mean, low, high = interval
    width, span = 160, ends[1] - ends[0]

    def x(value: float) -> float:
        return width * (min(max(value, ends[0]), ends[1]) - ends[0]) / span

    return (
        f'<svg class="bar" viewBox="0 0 {width} 14" width="{width}" height="14" aria-hidden="true">'
        f'<line class="aside" x1="{x(0.5):.1f}" x2="{x(0.5):.1f}" y1="0" y2="14"/>'
        f'<line class="own" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="7" y2="7"/>'
        f'<circle class="own" cx="{x(mean):.1f}" cy="7" r="4"/></svg>'
    )


def _range(values: Iterable[float]) -> tuple[float, float]:
    numbers = list(values)
    low, high = min(numbers), max(numbers)
    room = 0.05 * (high - low) or 0.05
    return low - room, high + room


def _chart(
    lines: Sequence[Line],
    x_name: str,
    y_name: str,
    y_range: tuple[float, float],
    x_range: tuple[float, float] | None = None,
) -> str:
    xs = [x for line in lines for x, _ in line.points]
    low, high = x_range or (min(xs), max(xs))

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x = (point[0] - low) / ((high - low) or 1)
        y = (point[1] - y_range[0]) / (y_range[1] - y_range[0])
        return _LEFT + x * (_WIDTH - _LEFT - 12), 10 + (1 - y) * (_HEIGHT - _BELOW - 10)

    drawn = []
    for line in lines:
        places = [place(point) for point in line.points]
        drawn.append(
            f'<polyline class="{line.style}" points="'
            + " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            + '"/>'
        )
        if line.style == "own":
            drawn += [
                f'<circle class="own" cx="{x:.1f}" cy="{y:.1f}" r="4">'
                f"<title>{escape(x_name)} {point[0]:.4g}: {point[1]:.4f}</title></circle>"
                for (x, y), point in zip(places, line.points, strict=True)
            ]
    bottom = _HEIGHT - _BELOW
    texts = (
        (_LEFT - 6, 16, "end", f"{y_range[1]:.3f}"),
        (_LEFT - 6, bottom, "end", f"{y_range[0]:.3f}"),
        (_LEFT, bottom + 16, "start", f"{low:.3g}"),
        (_WIDTH - 12, bottom + 16, "end", f"{high:.3g}"),
        ((_LEFT + _WIDTH) / 2, bottom + 28, "middle", x_name),
    )
    written = [
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
        for x, y, anchor, text in texts
    ]
    axes = f'<path class="axis" d="M{_LEFT} 6V{bottom}H{_WIDTH - 8}"/>'
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(y_name)} by {escape(x_name)}">{axes}{"".join(drawn + written)}</svg>'
    )
