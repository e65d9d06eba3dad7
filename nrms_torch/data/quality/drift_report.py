"""Drift as a page to look at and as JSON to act on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

from nrms_torch.data.quality.drift import Drift
from nrms_torch.files import replacing

_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #8884 }
th:first-child, td:first-child { text-align: left }
.drifted { font-weight: bold; color: #b3261e }
figure { display: inline-block; margin: 1rem 1rem 0 0; vertical-align: top }
text { font: 10px system-ui, sans-serif; fill: currentColor }
.old { fill: #8a8f98 } .new { fill: #1f6feb }
:root { color-scheme: light dark }
"""
_BAR, _HEIGHT, _ROOM = 7, 120, 60  # pixels: a bar's width, the highest bar, and room for labels


def write_html(
    file: Path, drifts: Mapping[str, Sequence[Drift]], names: tuple[str, str], threshold: float
) -> None:
    """Write one page with a table and a picture for each feature, by what they are features of."""
    reference, current = map(escape, names)
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Data drift</title>",
        f"<style>{_STYLE}</style><h1>Data drift</h1>",
        f"<p>Reference: <b>{reference}</b> (grey). Current: <b>{current}</b> (blue). A feature has "
        f"drifted where its PSI is at least {threshold:g} and the difference is significant.</p>",
    ]
    for title, found in drifts.items():
        parts.append(f"<h2>{escape(title)}</h2>{_table(found)}")
        parts += [_figure(drift) for drift in found]
    with replacing(file) as temporary:
        temporary.write_text("\n".join(parts) + "\n", encoding="utf-8")


def write_json(file: Path, drifts: Mapping[str, Sequence[Drift]]) -> None:
    """Write everything that is known of each feature, and whether any has drifted."""
    content = {title: [asdict(drift) for drift in found] for title, found in drifts.items()}
    drifted = [f"{t}.{d.feature}" for t, found in drifts.items() for d in found if d.drifted]
    with replacing(file) as temporary:
        temporary.write_text(
            json.dumps({"drifted": drifted, **content}, indent=2, allow_nan=False) + "\n"
        )


def _table(found: Sequence[Drift]) -> str:
    rows = [
        f"<tr{' class=drifted' * drift.drifted}><td>{escape(drift.feature)}<td>{drift.psi:.3f}"
        f"<td>{drift.statistic:.3f}<td>{drift.p_value:.1e}<td>{'yes' if drift.drifted else 'no'}"
        for drift in found
    ]
    head = "<tr><th>feature<th>PSI<th>statistic<th>p-value<th>drifted"
    return f"<table>{head}{''.join(rows)}</table>"


def _figure(drift: Drift) -> str:
    """Draw the shares of both samples side by side, a pair of bars for each bin."""
    highest = max(*drift.reference, *drift.current)
    bars = []
    for place, (label, *shares) in enumerate(
        zip(drift.labels, drift.reference, drift.current, strict=True)
    ):
        left = place * 3 * _BAR
        for number, (share, kind) in enumerate(zip(shares, ("old", "new"), strict=True)):
            height = _HEIGHT * share / highest
            told = f"<title>{escape(label)}: {share:.1%}</title>"
            bars.append(
                f"<rect class={kind} x={left + number * _BAR} y={_HEIGHT - height:.1f} "
                f"width={_BAR} height={height:.1f}>{told}</rect>"
            )
        x, y = left + 2 * _BAR, _HEIGHT + 6
        bars.append(
            f'<text x={x} y={y} text-anchor=end transform="rotate(-60 {x} {y})">'
            f"{escape(label[:18])}</text>"
        )
    width = len(drift.labels) * 3 * _BAR + 40
    return (
        f"<figure><figcaption{' class=drifted' * drift.drifted}>{escape(drift.feature)}"
        f"</figcaption><svg width={width} height={_HEIGHT + _ROOM} "
        f'viewBox="-40 0 {width} {_HEIGHT + _ROOM}">{"".join(bars)}</svg></figure>'
    )
