"""An Answer as text that a person likes to read, at any width, in colour where there is any.

Every word from outside (names, labels, questions, formulas) enters rich as ``Text``, never as
markup: square brackets are part of the question language.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from umbel.graph.mixed import Graph
from umbel.report.words import graph_words
from umbel.results.answer import Answer
from umbel.results.check import Check
from umbel.results.value import Estimate, Interval, Row

NARROWEST = 40
WIDEST = 110

_COLOUR = {"identified": "bold green", "bounded": "bold yellow", "unidentified": "bold red", "refused": "bold magenta"}
_MEANING = {
    "identified": "identified: the assumptions determine the answer",
    "bounded": "bounded: the assumptions confine the answer to an interval",
    "unidentified": "not identified: the assumptions leave the answer open",
    "refused": "refused: the question has no answer as it was asked",
}


def answer_text(answer: Answer, *, width: int = 80) -> str:
    """The Answer as plain text, at most ``width`` columns wide (and never under 40).

    Examples
    --------
    >>> from umbel.results.answer import Answer
    >>> print(answer_text(Answer(question="E[Y | do(A=1)]", verdict="identified")))
    Question
      E[Y | do(A=1)]
    <BLANKLINE>
    Verdict
      identified: the assumptions determine the answer
    """
    return plain(answer_view(answer), width=width)


def plain(view: RenderableType, *, width: int = 80) -> str:
    """Anything rich can show, as text without colour or trailing blanks."""
    out = io.StringIO()
    console = Console(
        file=out, width=max(width, NARROWEST), color_system=None, force_terminal=False, legacy_windows=False
    )
    console.print(view)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().split("\n"))


def answer_view(answer: Answer) -> RenderableType:
    """The Answer as something rich can show: graph, question, verdict, formula, numbers, checks."""
    parts: list[RenderableType] = []

    def part(title: str, *lines: RenderableType) -> None:
        if parts:
            parts.append(Text())
        parts.append(Text(title, style="bold"))
        parts.extend(Padding(line, (0, 0, 0, 2)) for line in lines)

    if answer.title:
        parts.append(_text(answer.title, style="bold underline"))
    if answer.graph:
        part("Graph", *map(_text, graph_words(Graph.parse(answer.graph))))
    part("Question", _text(answer.question))
    part("Verdict", Text(_meaning(answer), style=_COLOUR[answer.verdict]))
    if answer.refusal is not None:
        part(
            "Why" if answer.verdict == "refused" else "Why there is no number",
            _text(answer.refusal.why),
            _text(answer.refusal.advice),
        )
    if answer.certificate is not None:
        part(f"Why ({answer.certificate.kind})", _text(answer.certificate.text))
        if answer.certificate.remedies:
            part("What would help", _list(answer.certificate.remedies))
    if answer.estimand is not None:
        part(f"Estimand ({answer.estimand.strategy})", _text(answer.estimand.text))
    if answer.steps:
        part("Steps", _steps([(step.rule, step.detail) for step in answer.steps]))
    if answer.assumptions:
        part("Assumptions", _list(answer.assumptions))
    if answer.remarks:
        part("Remarks", _list(answer.remarks))
    for title, view in _numbers(answer):
        part(title, view)
    if answer.checks:
        part("Checks", _checks(answer.checks))
    if answer.data:
        part("Data", *(_text(_data_line(one.table, one.rows, one.units)) for one in answer.data))
    if answer.references:
        part("References", _list(answer.references))
    return Group(*parts)


def _meaning(answer: Answer) -> str:
    """The verdict in words; a "no" without a proof claims no more than that this route fails."""
    if answer.verdict == "unidentified" and answer.certificate is not None and answer.certificate.kind == "route":
        return "not identified by this route: another might exist"
    return _MEANING[answer.verdict]


def checks_view(checks: Sequence[Check]) -> RenderableType:
    """Checks alone, one a line."""
    return _checks(checks)


def gallery_view(examples: Iterable[tuple[str, str, str, str]]) -> RenderableType:
    """The list of examples under the papers they come from: (name, title, paper, figure)."""
    papers: dict[str, list[tuple[str, str, str]]] = {}
    for name, title, paper, figure in examples:
        papers.setdefault(paper, []).append((name, figure, title))
    parts: list[RenderableType] = []
    for paper, lines in papers.items():
        parts.append(_text(paper, style="bold"))
        parts.append(Padding(_grid(("name", "figure", "what it shows"), lines), (0, 0, 0, 2)))
    return Group(*parts)


def example_view(paper: str, figure: str, formula: str, notes: str) -> RenderableType:
    """What the paper says of an example, to compare with the answer."""
    lines = [_text(line) for line in (f"Figure {figure}. {paper}.", formula, notes) if line]
    return Group(Text("In the paper", style="bold"), *(Padding(line, (0, 0, 0, 2)) for line in lines))


def terminal_text(views: Sequence[RenderableType], *, terminal: bool) -> str:
    """Views one under the other, as wide as the terminal and never wider than one reads.

    Colour needs a terminal, and NO_COLOR (see no-color.org) turns it off.
    """
    width = min(shutil.get_terminal_size((80, 24)).columns, WIDEST)
    out = io.StringIO()
    console = Console(file=out, width=max(width, NARROWEST), force_terminal=terminal, legacy_windows=False)
    for place, view in enumerate(views):
        if place:
            console.print()
        console.print(view)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().split("\n"))


def number(value: float | None) -> str:
    """A number at four significant digits; a dash where there is none.

    Examples
    --------
    >>> number(4.39682), number(0.0), number(None), number(12345.678)
    ('4.397', '0', '–', '12346')
    """
    if value is None:
        return "–"
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def interval(pair: Interval | None) -> str:
    """An interval in brackets; a dash where there is none."""
    return "–" if pair is None else f"[{number(pair[0])}, {number(pair[1])}]"


def _numbers(answer: Answer) -> Iterable[tuple[str, RenderableType]]:
    """Each block of numbers with its title."""
    estimate, bounds = answer.estimate, answer.bounds
    if estimate is not None and estimate.value is not None:
        yield _estimate_title(estimate), _estimate(estimate)
    if bounds is not None:
        cells = (number(bounds.lower), number(bounds.upper), interval(bounds.interval))
        yield f"Bounds ({bounds.kind})", _grid(("lower", "upper", "interval"), [cells])
    if answer.classes is not None:
        lines = [(number(one.probability), number(one.effect), interval(one.interval)) for one in answer.classes]
        yield "Classes", _grid(("probability", "effect", "interval"), lines)
    if answer.policy is not None:
        policy = answer.policy
        chosen = (*(number(k) for _, k in policy.k), number(policy.gain), interval(policy.interval))
        yield "Policy", _grid((*(name for name, _ in policy.k), "gain", "interval"), [chosen])
    # what stands above already is not repeated
    single = estimate is not None and estimate.value is not None
    rows = [row for row in answer.table if not single or row.given or row.term != answer.question]
    if rows:
        level = "" if estimate is None or estimate.level is None else f"{100 * estimate.level:.4g} % "
        title = "Rows" if estimate is None or single else _estimate_title(estimate, "s")
        yield title, _rows(rows, f"{level}interval")


def _estimate_title(estimate: Estimate, plural: str = "") -> str:
    word = "Posterior" if estimate.kind == "posterior" else f"Estimate{plural}"
    return f"{word} ({estimate.method})" if estimate.method else word


def _estimate(estimate: Estimate) -> Table:
    """A posterior is read by its quantiles, a confidence interval as a pair."""
    found = (number(estimate.value), number(estimate.se))
    if estimate.kind == "posterior" and estimate.level is not None:
        tail = 50 * (1 - estimate.level)
        low, high = estimate.interval or (None, None)
        return _grid(("mean", "sd", f"{tail:.4g} %", f"{100 - tail:.4g} %"), [(*found, number(low), number(high))])
    width = "interval" if estimate.level is None else f"{100 * estimate.level:.4g} % interval"
    return _grid(("value", "se", width), [(*found, interval(estimate.interval))])


def _rows(rows: Sequence[Row], width: str) -> Table:
    keys = sorted({name for row in rows for name, _ in row.given})
    kinds = {row.kind for row in rows}
    heads = ("term", *keys, *(("kind",) if len(kinds) > 1 else ()), "value", "se", width)
    lines = []
    for row in rows:
        given = dict(row.given)
        known = [str(given.get(key, "")) for key in keys]
        kind = [row.kind] if len(kinds) > 1 else []
        ends = None if row.lower is None and row.upper is None else (row.lower, row.upper)
        lines.append((row.term, *known, *kind, number(row.value), number(row.se), interval(ends)))
    return _grid(heads, lines)


def _grid(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(_text(head), overflow="fold")
    for line in lines:
        table.add_row(*(_text(cell) for cell in line))
    return table


def _list(lines: Iterable[str]) -> Table:
    return _marked((Text("–"), _text(line)) for line in lines)


def _steps(steps: Sequence[tuple[str, str]]) -> Table:
    lines = []
    for place, (rule, detail) in enumerate(steps, start=1):
        line = _text(rule, style="bold")
        line.append_text(_text(f": {detail}", style="not bold"))
        lines.append((Text(f"{place}."), line))
    return _marked(lines)


def _checks(checks: Sequence[Check]) -> Table:
    lines = []
    for check in checks:
        word = Text("passed", style="green") if check.passed else Text("FAILED", style="bold red")
        words = check.name if check.value is None else f"{check.name} ({number(check.value)})"
        if check.advice:
            words += f": {check.advice}"
        line = _text(words)
        lines.append((word, line))
    return _marked(lines)


def _marked(lines: Iterable[tuple[Text, Text]]) -> Table:
    """Lines behind a mark; what wraps stays beside it."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for mark, line in lines:
        table.add_row(mark, line)
    return table


def _text(words: str, *, style: str = "") -> Text:
    """Words from outside: never markup, and no control character reaches the terminal."""
    return Text(
        "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in words), style=style
    )


def _data_line(name: str, rows: int | None, units: int | None) -> str:
    counts = [f"{count:,} {word}" for count, word in ((rows, "rows"), (units, "units")) if count is not None]
    return f"{name}: {', '.join(counts)}" if counts else name
