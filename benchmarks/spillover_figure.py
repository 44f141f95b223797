"""Intervals with their estimates and truths, in plain SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

Mark = tuple[str, float, float, float, float]
"""Name, estimate, lower end, upper end, truth."""

ROW, WIDTH, LEFT, RIGHT, TOP = 18, 520, 170, 20, 34
INK, BLUE, RED = "#333", "#2b6cb0", "#c05621"


def intervals_figure(title: str, marks: Sequence[Mark]) -> str:
    """A line and a dot for each interval, a ring for its truth."""
    height = TOP + ROW * len(marks) + 40
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="11" fill="{INK}">\n<rect width="100%" height="100%" fill="#fff"/>\n'
        f"{_panel(title, marks)}\n</svg>\n"
    )


def _panel(title: str, marks: Sequence[Mark]) -> str:
    low = min(0.0, *(min(mark[2], mark[4]) for mark in marks))
    high = max(0.0, *(max(mark[3], mark[4]) for mark in marks))
    scale = (WIDTH - LEFT - RIGHT) / (high - low)

    def x(value: float) -> float:
        return round(LEFT + (value - low) * scale, 2)

    bottom = TOP + ROW * len(marks)
    parts = [f'<text x="{LEFT}" y="18" font-weight="bold">{escape(title)}</text>']
    parts.append(f'<line x1="{x(0)}" y1="{TOP - 6}" x2="{x(0)}" y2="{bottom}" stroke="#bbb"/>')
    for row, (name, value, lower, upper, truth) in enumerate(marks):
        y = TOP + ROW * row + 6
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<line x1="{x(lower)}" y1="{y}" x2="{x(upper)}" y2="{y}" stroke="{BLUE}" stroke-width="2"/>')
        parts.append(f'<circle cx="{x(value)}" cy="{y}" r="3.2" fill="{BLUE}"/>')
        parts.append(f'<circle cx="{x(truth)}" cy="{y}" r="4.6" fill="none" stroke="{RED}" stroke-width="1.4"/>')
    for value in (low, 0.0, high):
        parts.append(f'<text x="{x(value)}" y="{bottom + 16}" text-anchor="middle">{value:.3g}</text>')
    parts.append(f'<text x="{LEFT}" y="{bottom + 32}">dot, line: estimate, 95 % interval; ring: truth</text>')
    return "".join(parts)
