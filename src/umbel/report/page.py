"""An Answer as HTML: a fragment for notebooks, a self-contained page for colleagues.

Nothing is fetched: no script, no font, no image. Colours are those of whoever shows it (a light or
a dark notebook, a printed sheet); numbers stand in tables that a screen reader can walk, and the
small drawing beside each repeats it on a common scale, hidden from those who read by ear.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from umbel.errors import InputError, shown
from umbel.graph.mixed import Graph
from umbel.report.blocks import Block, Span, blocks_of
from umbel.report.digits import number
from umbel.report.text import data_line, meaning_of
from umbel.report.words import graph_words
from umbel.results.answer import Answer
from umbel.results.check import Check

STYLE = """
.umbel { max-width: 46rem; line-height: 1.5; overflow-wrap: anywhere; }
.umbel h1 { font-size: 1.4em; margin: 0 0 .6em; }
.umbel h2 { font-size: 1em; margin: 1.4em 0 .3em; }
.umbel p, .umbel ul, .umbel ol { margin: .2em 0; }
.umbel ul, .umbel ol { padding-left: 1.4em; }
.umbel code { font: .95em ui-monospace, Menlo, Consolas, monospace; background: none; color: inherit; padding: 0; }
.umbel .verdict { display: inline-block; border: 1px solid; border-radius: .3em; padding: .1em .6em; font-weight: 600; }
.umbel .wide { overflow-x: auto; }
.umbel table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .3em 0; }
.umbel th, .umbel td { text-align: left; vertical-align: top; padding: .25em 1em .25em 0; border: 0; background: none; }
.umbel thead th { font-weight: 400; opacity: .75; border-bottom: 1px solid; white-space: nowrap; }
.umbel tbody th { font-weight: 400; min-width: 9em; }
.umbel td { white-space: nowrap; }
.umbel svg { vertical-align: middle; }
.umbel .failed { font-weight: 600; }
@media (max-width: 30rem) { .umbel [aria-hidden] { display: none; } }
.umbel summary { cursor: pointer; font-weight: 600; margin-top: 1.2em; }
""".strip()

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font-family: system-ui, sans-serif; margin: 1.5rem auto; padding: 0 1rem; max-width: 46rem; }}
hr {{ margin: 2.5rem 0; border: 0; border-top: 1px solid; opacity: .3; }}
@media print {{ .umbel details > * {{ display: block; }} }}
{style}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""

WIDTH, MARGIN = 160.0, 6.0
"""Of a drawing, in pixels: as wide as it is, and blank at each end."""


def page(answers: Sequence[Answer]) -> str:
    """A whole page of one or several Answers.

    Examples
    --------
    >>> from umbel.results.answer import Answer
    >>> text = page([Answer(question="P(Y | do(A))", verdict="refused")])
    >>> text.startswith("<!doctype html>"), "P(Y | do(A))" in text
    (True, True)
    """
    title = next((one.title or one.question for one in answers), "umbel")
    return PAGE.format(title=escape(title), style=STYLE, body="\n<hr>\n".join(map(_article, answers)))


def save_page(answers: Sequence[Answer], path: str | os.PathLike[str]) -> None:
    """Write a page; a file of that name is replaced.

    Raises
    ------
    InputError
        For a place that cannot be written.
    """
    try:
        Path(path).write_text(page(answers), encoding="utf-8")
    except OSError as error:
        raise InputError(f"The page {shown(str(path))} cannot be written: {error.strerror}.") from None


def fragment(answer: Answer) -> str:
    """What a notebook shows of one Answer, with the style that it needs."""
    return f"<style>\n{STYLE}\n</style>\n{_article(answer)}"


def _article(answer: Answer) -> str:
    parts = [f"<h1>{escape(answer.title)}</h1>"] if answer.title else []
    parts += _section("Question", f"<p><code>{escape(answer.question)}</code></p>")
    parts += _section("Verdict", f'<p class="verdict">{escape(meaning_of(answer))}</p>')
    if answer.refusal is not None:
        why = "Why" if answer.verdict == "refused" else "Why there is no number"
        parts += _section(why, f"<p>{escape(answer.refusal.why)}</p><p>{escape(answer.refusal.advice)}</p>")
    if answer.certificate is not None:
        parts += _section(f"Why ({answer.certificate.kind})", f"<p>{escape(answer.certificate.text)}</p>")
        if answer.certificate.remedies:
            parts += _section("What would help", _list("ul", answer.certificate.remedies))
    for block in blocks_of(answer):
        parts += _section(block.title, _table(block))
    if answer.checks:
        parts += _section("Checks", f"<ul>{''.join(map(_check, answer.checks))}</ul>")
    if answer.estimand is not None:
        formula = f"<p><code>{escape(answer.estimand.text)}</code></p>"
        parts += _section(f"Estimand ({answer.estimand.strategy})", formula)
    if answer.assumptions:
        parts += _section("Assumptions", _list("ul", answer.assumptions))
    if answer.remarks:
        parts += _section("Remarks", _list("ul", answer.remarks))
    if answer.graph:
        parts += _folded("Graph", _list("ul", graph_words(Graph.parse(answer.graph))))
    if answer.steps:
        parts += _folded("Steps", _list("ol", [f"{step.rule}: {step.detail}" for step in answer.steps]))
    if answer.data:
        parts += _folded("Data", _list("ul", map(data_line, answer.data)))
    if answer.references:
        parts += _folded("References", _list("ul", answer.references))
    return "\n".join(['<article class="umbel">', *parts, "</article>"])


def _section(title: str, body: str) -> list[str]:
    return [f"<h2>{escape(title)}</h2>", body]


def _folded(title: str, body: str) -> list[str]:
    """A part that a reader opens: the derivation and its sources."""
    return [f"<details><summary>{escape(title)}</summary>", body, "</details>"]


def _list(kind: str, lines: Iterable[str]) -> str:
    return f"<{kind}>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</{kind}>"


def _check(check: Check) -> str:
    word = "passed" if check.passed else "failed"
    advice = f": {escape(check.advice)}" if check.advice else ""
    return f'<li><span class="{word}">{word}</span> {escape(check.name)}{advice}</li>'


def _table(block: Block) -> str:
    """A table with a header for each column, and each line drawn on one scale."""
    scale = _scale(block.spans)
    heads = [f'<th scope="col">{escape(name)}</th>' for name in block.heads]
    if scale is not None:
        low, high = scale
        heads.append(f'<th scope="col" aria-hidden="true">{number(low)} to {number(high)}</th>')
    lines = []
    for cells, span in zip(block.lines, block.spans, strict=True):
        term = block.heads[0] == "term"
        first = f'<th scope="row"><code>{escape(cells[0])}</code></th>' if term else f"<td>{escape(cells[0])}</td>"
        rest = "".join(f"<td>{escape(cell)}</td>" for cell in cells[1:])
        drawn = "" if scale is None else f'<td aria-hidden="true">{_drawing(span, scale)}</td>'
        lines.append(f"<tr>{first}{rest}{drawn}</tr>")
    # what is wider than a phone scrolls by itself, with the keyboard too
    body = f"<thead><tr>{''.join(heads)}</tr></thead>\n<tbody>\n" + "\n".join(lines) + "\n</tbody>"
    label = escape(block.title)
    return f'<div class="wide" tabindex="0" role="region" aria-label="{label}">\n<table>\n{body}\n</table>\n</div>'


def _scale(spans: Sequence[Span]) -> tuple[float, float] | None:
    """The ends of what the lines show, zero among them when it is near; None where all is one number, or nothing."""
    shown = [end for span in spans for end in span if end is not None]
    if not shown or max(shown) <= min(shown):
        return None
    low, high = min(shown), max(shown)
    return min(low, 0.0) if low < high - low else low, max(high, 0.0) if -high < high - low else high


def _drawing(span: Span, scale: tuple[float, float]) -> str:
    """A dot for the value, a line for the interval, a thin upright at zero."""
    low, high = scale

    def at(value: float) -> str:
        return f"{MARGIN + (WIDTH - 2 * MARGIN) * (value - low) / (high - low):.1f}"

    marks = []
    if low <= 0.0 <= high:
        zero = at(0.0)
        marks.append(f'<line x1="{zero}" x2="{zero}" y1="0" y2="16" stroke="currentColor" stroke-opacity=".4"/>')
    ends = [end for end in span if end is not None]
    if ends:
        left, right = at(min(ends)), at(max(ends))
        marks.append(f'<line x1="{left}" x2="{right}" y1="8" y2="8" stroke="currentColor" stroke-width="2"/>')
    if span[1] is not None:
        marks.append(f'<circle cx="{at(span[1])}" cy="8" r="4" fill="currentColor"/>')
    return f'<svg viewBox="0 0 {WIDTH:g} 16" width="{WIDTH:g}" height="16">{"".join(marks)}</svg>'
