"""Two panels in plain SVG: dots with their means, and two curves over the number of restarts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, HEIGHT = 360, 260
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 30, 44
INK, BLUE, RED = "#333", "#2b6cb0", "#c05621"


@dataclass(frozen=True, slots=True)
class Panel:
    """Columns of values between 0 and 1, each with a published mean."""

    title: str
    columns: Sequence[tuple[str, Sequence[float]]]
    published: Sequence[float]


def figure(shrink: Panel, credibility: Sequence[tuple[int, float, float]]) -> str:
    """Both panels, side by side."""
    second = f'<g transform="translate({WIDTH},0)">{curves(credibility)}</g>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="11" fill="{INK}">\n<g>{dots(shrink)}</g>\n{second}\n</svg>\n'
    )


def dots(panel: Panel) -> str:
    """One dot per model, a bar at the mean, a dashed one at the published mean."""
    parts = [axes(panel.title)]
    wide = (WIDTH - LEFT - RIGHT) / len(panel.columns)
    for at, ((name, values), published) in enumerate(zip(panel.columns, panel.published, strict=True)):
        centre = LEFT + wide * (at + 0.5)
        for rank, value in enumerate(sorted(values)):
            spread = ((rank * 0.618034) % 1 - 0.5) * 0.5 * wide  # the golden ratio keeps neighbours apart
            x, y = centre + spread, height(value)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{BLUE}" fill-opacity="0.45"/>')
        if len(values):
            parts.append(level(centre, wide, float(np.mean(values)), RED, ""))
        parts.append(level(centre, wide, published, INK, ' stroke-dasharray="4 3"'))
        parts.append(label(centre, HEIGHT - BOTTOM + 16, name))
    parts.append(label(WIDTH / 2, HEIGHT - 8, "bar: mean; dashed: mean in the paper"))
    return "\n".join(parts)


def curves(rows: Sequence[tuple[int, float, float]]) -> str:
    """What credible intervals claim, and how often they are right."""
    parts = [axes("Credibility of EM's interval")]
    most = math.log10(max(runs for runs, _, _ in rows))
    least = math.log10(min(runs for runs, _, _ in rows))
    span = WIDTH - LEFT - RIGHT - 60
    places = [LEFT + 30 + span * (math.log10(runs) - least) / max(most - least, 1e-9) for runs, _, _ in rows]
    for which, name, colour in ((1, "claimed", INK), (2, "true", RED)):
        points = [(x, height(row[which])) for x, row in zip(places, rows, strict=True)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        parts.append(label(places[-1] - 24, points[-1][1] + (24 if which == 1 else -8), name, colour))
    for x, (runs, _, _) in zip(places, rows, strict=True):
        parts.append(label(x, HEIGHT - BOTTOM + 16, str(runs)))
    parts.append(label(WIDTH / 2, HEIGHT - 8, "restarts of EM"))
    return "\n".join(parts)


def axes(title: str) -> str:
    """Title, frame and ticks from 0 to 1."""
    parts = [label(WIDTH / 2, 16, title)]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = height(tick)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    return "\n".join(parts)


def height(value: float) -> float:
    """Where a value between 0 and 1 lies."""
    return HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM)


def level(centre: float, wide: float, value: float, colour: str, dashes: str) -> str:
    """A horizontal bar."""
    y = height(value)
    return (
        f'<line x1="{centre - 0.3 * wide:.1f}" x2="{centre + 0.3 * wide:.1f}" y1="{y:.1f}" y2="{y:.1f}" '
        f'stroke="{colour}" stroke-width="2"{dashes}/>'
    )


def label(x: float, y: float, text: str, colour: str = INK) -> str:
    """Centred text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" fill="{colour}">{escape(text)}</text>'
