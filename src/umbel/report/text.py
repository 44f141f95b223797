"""An Answer as text that a person likes to read, at any width, in colour where there is any.

Every word from outside (names, labels, questions, formulas) enters rich as ``Text``, never as
markup: square brackets are part of the question language.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from umbel.graph.mixed import Graph
from umbel.report.blocks import blocks_of, width_words
from umbel.report.digits import decimals_of, interval, number
from umbel.report.words import graph_words
from umbel.results.answer import Answer
from umbel.results.check import Check
from umbel.results.step import Step
from umbel.results.value import DataSource

NARROWEST = 40
WIDEST = 110

FIGURE = re.compile(r"([A-Z]\.?)?\d+[a-z]?( |$)")
"""Places in a paper that are numbers of figures: 1a, A3c, L.1."""

ROOM = 20
"""Columns that words beside numbers need; with fewer, a table reads worse than a paragraph."""

STEPS_BESIDE_NUMBERS = 12
"""Steps shown where there are numbers: who came for these finds all steps by ``umbel identify``."""

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


def answer_line(answer: Answer) -> str:
    """The Answer in one line: verdict, question, what it is, and how many checks failed.

    Examples
    --------
    >>> from umbel.results.answer import Answer
    >>> from umbel.results.value import Estimate
    >>> found = Estimate(0.2262, se=0.0102, interval=(0.2062, 0.2462), level=0.95)
    >>> answer_line(Answer(question="ATE(A, Y)", verdict="identified", estimate=found))
    'identified: ATE(A, Y) = 0.2262, 95% interval [0.2062, 0.2462]'
    """
    estimate, bounds = answer.estimate, answer.bounds
    words = ""
    if estimate is not None and estimate.value is not None:
        at = decimals_of([estimate.value], se=estimate.se, pair=estimate.interval)
        words = f" = {number(estimate.value, at)}, {width_words(estimate.level)} {interval(estimate.interval, at)}"
    elif bounds is not None:
        at = decimals_of([bounds.lower, bounds.upper], pair=bounds.interval)
        words = f" in {interval((bounds.lower, bounds.upper), at)} ({bounds.kind})"
    elif answer.table:
        words = f", {len(answer.table)} rows"
    elif answer.refusal is not None:
        words = f". {answer.refusal.why}"
    failed = [check.name for check in answer.checks if not check.passed]
    doubts = f"; failed: {', '.join(failed)}" if failed else ""
    return f"{answer.verdict}: {answer.question}{words}{doubts}"


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
    part("Verdict", Text(meaning_of(answer), style=_COLOUR[answer.verdict]))
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
        part("Steps", *_steps(answer))
    if answer.assumptions:
        part("Assumptions", _list(answer.assumptions))
    if answer.remarks:
        part("Remarks", _list(answer.remarks))
    for block in blocks_of(answer):
        part(block.title, _Numbers(block.heads, block.lines))
    if answer.checks:
        part("Checks", _checks(answer.checks))
    if answer.data:
        part("Data", *(_text(data_line(one)) for one in answer.data))
    if answer.references:
        part("References", _list(answer.references))
    return Group(*parts)


def meaning_of(answer: Answer) -> str:
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
        parts.append(Padding(_grid(("name", "where", "what it shows"), lines), (0, 0, 0, 2)))
    return Group(*parts)


def example_view(paper: str, figure: str, formula: str, notes: str) -> RenderableType:
    """What the paper says of an example, to compare with the answer."""
    where = f": {'figure ' if FIGURE.match(figure) else ''}{figure}" if figure else ""
    lines = [_text(line) for line in (f"{paper}{where}.", formula, notes) if line]
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


@dataclass(frozen=True, slots=True)
class _Numbers:
    """A table where there is room for it; on a narrow terminal a paragraph for each line, no number broken."""

    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        widths = [max(map(cell_len, column)) for column in zip(self.heads, *self.lines, strict=True)]
        words = widths[0] if self.heads[0] == "term" else 0
        if sum(widths) - words + 3 * len(widths) + min(words, ROOM) <= options.max_width:
            yield _grid(self.heads, self.lines)
            return
        for line in self.lines:
            term, *rest = line if words else ("", *line)
            named = zip(self.heads[1:] if words else self.heads, rest, strict=True)
            told = ", ".join(f"{head} {cell}" for head, cell in named if cell)
            yield _text(f"{term}: {told}" if words else told)


def _grid(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for head in heads:
        # a number that breaks in the middle reads as two: words give way first
        table.add_column(_text(head), overflow="fold", no_wrap=head in ("value", "se") or head.endswith("interval"))
    for line in lines:
        table.add_row(*(_text(cell) for cell in line))
    return table


def _list(lines: Iterable[str]) -> Table:
    return _marked((Text("–"), _text(line)) for line in lines)


def _steps(answer: Answer) -> list[RenderableType]:
    """The derivation; its beginning where there are numbers, which are what the reader came for."""
    numbers = answer.estimate is not None or answer.bounds is not None or bool(answer.table)
    many = numbers and len(answer.steps) > STEPS_BESIDE_NUMBERS + 1
    shown = answer.steps[:STEPS_BESIDE_NUMBERS] if many else answer.steps
    lines: list[RenderableType] = [_marked(_step(place, step) for place, step in enumerate(shown, start=1))]
    if many:
        lines.append(_text(f"… and {len(answer.steps) - len(shown)} more, in the Answer's steps and its JSON"))
    return lines


def _step(place: int, step: Step) -> tuple[Text, Text]:
    line = _text(step.rule, style="bold")
    line.append_text(_text(f": {step.detail}", style="not bold"))
    return Text(f"{place}."), line


def _checks(checks: Sequence[Check]) -> Table:
    """Checks, one a line; a number that the advice tells in words, and a plain zero, are left to the JSON."""
    lines = []
    for check in checks:
        word = Text("passed", style="green") if check.passed else Text("FAILED", style="bold red")
        bare = check.value is None or check.advice or (check.passed and check.value == 0.0)
        words = check.name if bare else f"{check.name} ({number(check.value)})"
        line = _text(f"{words}: {check.advice}" if check.advice else words)
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


def data_line(source: DataSource) -> str:
    """A table with its rows and units."""
    named = ((source.rows, "row"), (source.units, "unit"))
    counts = [f"{count:,} {word}{'' if count == 1 else 's'}" for count, word in named if count is not None]
    return f"{source.table}: {', '.join(counts)}" if counts else source.table
