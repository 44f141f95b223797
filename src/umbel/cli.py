"""The command line: start, check, identify, solve, gallery.

A command returns the text that it would print; one function prints it, so that a closed pipe, a
full disk and an interrupt are met in one place. Exit status: 0 for any Answer (a refusal too), 2
for wrong input, 1 for a fault, 130 when interrupted. An error is one line on the error stream.
Rooms that a command needs are imported when it runs: ``umbel --help`` waits for none of them.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from umbel.errors import InputError, ProblemError, UmbelError, shown
from umbel.version import __version__

if TYPE_CHECKING:
    from rich.console import RenderableType

    from umbel.config.problem import ProblemSpec
    from umbel.estimate.estimator import Watch
    from umbel.results.answer import Answer

app = typer.Typer(
    name="umbel",
    help="Causal questions of structured data: a graph, a question and data in; one Answer out.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help texts hold brackets
    no_args_is_help=False,
)

Problem = Annotated[str | None, typer.Argument(metavar="PROBLEM", help="A problem file (TOML).", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one Answer or a list of them.")]
Report = Annotated[
    str | None,
    typer.Option("--report", metavar="FILE", help="Write a self-contained HTML page too.", show_default=False),
]


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> str | None:
    """Causal questions of structured data: a graph, a question and data in; one Answer out."""
    if version:
        _print(f"umbel {__version__}")
        raise typer.Exit
    return context.get_help() if context.invoked_subcommand is None else None


@app.command(name="start")
def begin(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A csv or parquet file: one row per member.")],
    units: Annotated[str | None, typer.Option(metavar="TABLE", help="The table of units.", show_default=False)] = None,
    unit: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The key column that names each row's unit.", show_default=False),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write there; without it, print.", show_default=False)
    ] = None,
) -> str | None:
    """Draft a commented problem file from tables."""
    from umbel.pipeline.draft import draft_problem, save_draft

    text = draft_problem(table, units=units, unit=unit, folder="." if out is None else Path(out).parent)
    if out is None:
        return text.rstrip("\n")
    save_draft(text, out)
    return f"{out} is drafted. Edit its graph and question, then: umbel check {out}"


@app.command()
def check(
    problem: Annotated[str, typer.Argument(metavar="PROBLEM", help="A problem file (TOML).")],
    json: Json = False,
) -> str:
    """Is a problem file well formed, and does the data match it?"""
    from umbel.config.problem import load_problem
    from umbel.pipeline.files import check_problem
    from umbel.report.text import checks_view

    checks = check_problem(load_problem(problem))
    if json:
        return _json({"checks": [one.to_dict() for one in checks]})
    return _text(checks_view(checks))


@app.command()
def identify(
    problem: Problem = None,
    graph: Annotated[
        str | None, typer.Option(help="Graph text, or @FILE that holds it.", metavar="TEXT", show_default=False)
    ] = None,
    question: Annotated[
        str | None, typer.Option(help="Question text, or @FILE that holds it.", metavar="TEXT", show_default=False)
    ] = None,
    experiments: Annotated[
        str | None,
        typer.Option(
            help='What is known instead: "all", or what each experiment sets: "(); X; X, Z".',
            metavar="TEXT",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
    report: Report = None,
) -> str:
    """Verdict, estimand and steps; needs no data."""
    spec = _spec(problem, graph, question)
    from umbel.pipeline.files import identify_problem
    from umbel.pipeline.opening import read_experiments

    known = None if experiments is None else read_experiments(experiments)
    return _answers(identify_problem(spec, experiments=known), several=spec.several, json=json, report=report)


@app.command()
def solve(
    problem: Annotated[str, typer.Argument(metavar="PROBLEM", help="A problem file (TOML).")],
    json: Json = False,
    report: Report = None,
) -> str:
    """The Answer: identify, then estimate from the data."""
    from umbel.config.problem import load_problem

    spec = load_problem(problem)
    from umbel.pipeline.files import solve_problem

    return _answers(solve_problem(spec, watch=_watch()), several=spec.several, json=json, report=report)


@app.command()
def gallery(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="An example; without it, the list.", show_default=False)
    ] = None,
    json: Json = False,
    report: Report = None,
) -> str:
    """Examples from the papers; without NAME, the list."""
    from umbel.gallery.catalogue import EXAMPLES, find

    if name is None:
        if report is not None:
            raise InputError("--report belongs to one example: umbel gallery NAME --report FILE.")
        if json:
            return _json([example.to_dict() for example in EXAMPLES])
        from umbel.report.text import gallery_view

        return _text(gallery_view([(one.name, one.title, one.paper, one.figure) for one in EXAMPLES]))
    from umbel.pipeline.files import identify_problem, solve_problem

    example = find(name)
    problem = example.problem()
    (answer,) = identify_problem(problem) if example.data is None else solve_problem(problem, watch=_watch())
    own = example.paper.startswith("umbel")  # an example of our own: cite() names umbel already
    answer = answer.citing(*(() if own else (example.paper,)), *example.references)
    _save([answer], report)
    if json:
        return _json(answer.to_dict())
    from umbel.report.text import answer_view, example_view

    return _text(answer_view(answer), example_view(example.paper, example.figure, example.formula, example.notes))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; prints at most one line of error."""
    command = typer.main.get_command(app)
    try:
        found = command.main(
            args=None if arguments is None else list(arguments), prog_name="umbel", standalone_mode=False
        )
        if isinstance(found, int):  # typer met an Exit, or an interrupt
            return _complain("interrupted", 130) if found == 130 else found
        _print(found)
        return 0
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except SystemExit:  # typer's own word for a pipe that was closed under its help
        return _hang_up()
    except Exception as error:
        return _status(error)


def _status(error: Exception) -> int:
    """The exit status of an exception, after one line about it."""
    if isinstance(error, BrokenPipeError):
        return _hang_up()
    if isinstance(error, InputError):
        return _complain(str(error), 2)
    if isinstance(error, UmbelError):
        return _complain(str(error), 1)
    usage = getattr(error, "format_message", None)  # typer's own errors, which have no public base
    if usage is not None:
        context = getattr(error, "ctx", None)
        path = "umbel" if context is None else context.command_path
        message = usage()
        return _complain(f"{message}{'' if message.endswith(('.', '?')) else '.'} See: {path} --help", 2)
    if isinstance(error, OSError) and error.strerror:
        _hang_up()  # the stream may be what failed: a full disk
        return _complain(f"{error.strerror}{'' if error.filename is None else f': {error.filename}'}", 1)
    return _complain(f"a fault in umbel, please report it: {type(error).__name__}: {error} ({_place(error)})", 1)


def _place(error: Exception) -> str:
    """The line where an exception began: ``evaluate.py, line 12``."""
    at, place = error.__traceback__, "unknown place"
    while at is not None:
        place = f"{Path(at.tb_frame.f_code.co_filename).name}, line {at.tb_lineno}"
        at = at.tb_next
    return place


def _complain(message: str, status: int) -> int:
    """One line on the error stream."""
    line = "".join(char if char.isprintable() else " " for char in message)
    with contextlib.suppress(OSError, AttributeError, ValueError):  # the stream may be closed, or None
        encoding = sys.stderr.encoding or "utf-8"
        text = f"umbel: {' '.join(line.split())}\n"
        sys.stderr.write(text.encode(encoding, "replace").decode(encoding))
        sys.stderr.flush()
    return status


def _hang_up() -> int:
    """Point standard output at nothing, so that the interpreter's last flush cannot fail."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
    return 0


def _print(text: str | None) -> None:
    if text is None or sys.stdout is None:
        return
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(f"{text}\n".encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def _json(value: Any) -> str:
    """JSON text; ``Any`` because it is what JSON can hold."""
    import json

    unicode = sys.stdout is not None and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(value, indent=2, ensure_ascii=not unicode, allow_nan=False)


def _text(*views: RenderableType) -> str:
    """What rich shows, in colour on a terminal and plain elsewhere."""
    from umbel.report.text import terminal_text

    return terminal_text(views, terminal=sys.stdout is not None and sys.stdout.isatty())


def _answers(answers: Sequence[Answer], *, several: bool, json: bool, report: str | None) -> str:
    _save(answers, report)
    if json:
        return _json([one.to_dict() for one in answers] if several else answers[0].to_dict())
    from umbel.report.text import answer_view

    return _text(*map(answer_view, answers))


def _save(answers: Sequence[Answer], report: str | None) -> None:
    """The page, where one is asked for; before anything is printed, so that a wrong place is met first."""
    if report is not None:
        from umbel.report.page import save_page

        save_page(answers, report)


def _watch() -> Watch | None:
    """A progress bar for whoever sits at a terminal; nobody else sees one."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    from umbel.report.progress import bar

    return bar


def _spec(problem: str | None, graph: str | None, question: str | None) -> ProblemSpec:
    from umbel.config.problem import ProblemSpec, load_problem

    if problem is not None:
        if graph is not None or question is not None:
            raise InputError("Give a problem file, or --graph and --question; not both.")
        return load_problem(problem)
    if graph is None and question is None:
        raise InputError("Nothing to identify: give a problem file, or --graph and --question.")
    if graph is None or question is None:
        missing, other = ("--graph", "--question") if graph is None else ("--question", "--graph")
        raise InputError(f"{missing} is missing: it belongs to {other}.")
    return ProblemSpec(graph=_text_or_file(graph, "--graph"), questions=(_text_or_file(question, "--question"),))


def _text_or_file(given: str, option: str) -> str:
    """The text itself, or the content of the file after ``@``."""
    if not given.startswith("@"):
        return given
    path = given[1:]
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ProblemError(f"{option}: {shown(path)} is not UTF-8 text.") from None
    except OSError as error:
        raise ProblemError(f"{option}: {shown(path)} cannot be read: {error.strerror}.") from None
