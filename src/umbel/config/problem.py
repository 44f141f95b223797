"""Problem files: a graph, a question and where the data is, read from TOML into plain values.

A file is checked here for its own form only: keys, types, ranges. Whether the graph parses,
the question fits it and the tables match both is decided by the rooms that know them. Paths are
kept as written and read relative to the file; none is opened here, because identifying a
question needs no data.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from umbel.config.section import Section
from umbel.errors import ProblemError, did_you_mean, shown
from umbel.model.priors import InterferenceAnalysis
from umbel.variable import State


@dataclass(frozen=True, slots=True)
class SummarySpec:
    """A published summary: ``of`` is read inside each unit; value and se are columns of units."""

    of: str
    value: str
    se: str


@dataclass(frozen=True, slots=True)
class StudySpec:
    """One ``[[study]]``: its tables, one per level, and what is known of how they came about.

    Parameters
    ----------
    table
        Path or database table of the innermost level; None where only summaries are published.
    units
        Pairs ``(key, path)`` of the outer levels, outermost first; a single path has key "".
    unit
        Key columns, outermost first.
    count, weight, unit_weight, cluster, strata
        Columns with that meaning.
    do, assigned, doses
        Variables that this study randomised, the level at which it did, and pairs of a variable
        and the values that it was set to; without a pair, every value.
    edges, selected, errors, summaries, counts, database
        As in the problem file.
    """

    table: str | None = None
    units: tuple[tuple[str, str], ...] = ()
    unit: tuple[str, ...] = ()
    count: str | None = None
    weight: str | None = None
    unit_weight: str | None = None
    cluster: str | None = None
    strata: str | None = None
    do: tuple[str, ...] = ()
    assigned: str | None = None
    doses: tuple[tuple[str, tuple[State, ...]], ...] = ()
    edges: str | None = None
    selected: tuple[str, ...] = ()
    errors: tuple[tuple[str, str], ...] = ()
    summaries: tuple[SummarySpec, ...] = ()
    counts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    database: str | None = None

    def paths(self) -> tuple[str, ...]:
        """The files that this study names; none of a database's tables."""
        if self.database is not None:
            return ()
        return tuple(path for path in (self.table, *(path for _, path in self.units), self.edges) if path is not None)


@dataclass(frozen=True, slots=True)
class VariableSpec:
    """One ``[variables.NAME]``: its column, its words, its codes for "missing", its states in order."""

    name: str
    column: str | None = None
    label: str | None = None
    measure: str | None = None
    missing: tuple[State, ...] = ()
    states: tuple[State, ...] = ()


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """The ``[method]`` table; None leaves the choice to umbel, and the Answer reports it.

    Parameters
    ----------
    name
        Of the estimator.
    level
        Of intervals.
    seed
        Of the generator, where none is passed.
    location, scale
        Of priors, in the outcome's measure.
    analysis
        A parametric form with priors, which no text states: examples and callers in Python hand it over.
    despite_incompatibility
        Where studies contradict the graph: the bounds of the nearest law that fits it.
    outcome, treatment
        How means and probabilities given covariates are learnt: "ridge", "forest", "boosting", or in Python
        any object with ``fit`` and ``predict``.
    folds
        How many parts of the rows take turns in not teaching.
    members
        Whether the rows of a unit are a sample of its members, or all of them.
    box
        Limits of the parameters of ``max[k]``, each between two numbers.
    budget
        The most that may be treated on average under a policy.
    scan
        Members of blocks in the order in which each in turn answers the others; empty: one at random.

    Examples
    --------
    >>> MethodSpec(name="units", level=0.9).seed
    0
    """

    name: str | None = None
    level: float = 0.95
    seed: int = 0
    location: float | None = None
    scale: float | None = None
    analysis: InterferenceAnalysis | None = None
    despite_incompatibility: bool = False
    outcome: object | None = None
    treatment: object | None = None
    folds: int | None = None
    members: Literal["sample", "all"] = "sample"
    box: tuple[tuple[str, float, float], ...] = ()
    budget: float | None = None
    scan: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse numbers that no problem file could hold.

        Raises
        ------
        ProblemError
            For a level outside (0, 1), a seed that is no whole number from 0 on, fewer than two folds.
        """
        if not isinstance(self.level, int | float) or not 0.0 < self.level < 1.0:
            raise ProblemError(f"MethodSpec: level is {self.level!r}; it must lie between 0 and 1.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ProblemError(f"MethodSpec: seed is {self.seed!r}; it must be a whole number from 0 on.")
        if self.members not in ("sample", "all"):
            raise ProblemError(f"MethodSpec: members is {self.members!r}. Possible: sample, all.")

    def __repr__(self) -> str:
        changed = (one.name for one in fields(self) if getattr(self, one.name) != one.default)
        return f"MethodSpec({', '.join(f'{name}={getattr(self, name)!r}' for name in changed)})"


@dataclass(frozen=True, slots=True)
class ProblemSpec:
    """A whole problem file as values.

    Parameters
    ----------
    graph
        Graph text.
    questions
        Question texts, at least one.
    title, assumptions
        The user's own words, carried into the Answer.
    studies, variables, method
        The data and how to estimate.
    equations
        Path of given structural equations.
    where
        Declared inequalities.
    folder
        Where relative paths start.
    several
        True when the questions were given as a list; then so are the answers.
    """

    graph: str
    questions: tuple[str, ...]
    title: str = ""
    assumptions: tuple[str, ...] = ()
    studies: tuple[StudySpec, ...] = ()
    variables: tuple[VariableSpec, ...] = ()
    method: MethodSpec = MethodSpec()
    equations: str | None = None
    where: tuple[str, ...] = ()
    folder: Path = field(default_factory=Path)
    several: bool = False


def load_problem(path: str | os.PathLike[str]) -> ProblemSpec:
    """Read a problem file; O(its length).

    Raises
    ------
    ProblemError
        One line: the file, the key, the value, what was possible.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        there = [one.name for one in file.parent.glob("*.toml")] if file.parent.is_dir() else []
        hint = did_you_mean(file.name, there) if there else "To draft one: umbel start TABLE."
        raise ProblemError(f"There is no problem file {shown(str(path))}. {hint}") from None
    except IsADirectoryError:
        raise ProblemError(f"{shown(str(path))} is a folder, not a problem file. Name the file in it.") from None
    except UnicodeDecodeError as error:
        raise ProblemError(
            f"{shown(str(path))} is not UTF-8 text (byte {error.start}). Save it with that encoding."
        ) from None
    except OSError as error:
        raise ProblemError(f"{shown(str(path))} cannot be read: {error.strerror}.") from None
    return parse_problem(text, name=file.name, folder=file.parent)


def parse_problem(text: str, *, name: str = "problem", folder: Path | None = None) -> ProblemSpec:
    """Read the text of a problem file; ``name`` is what errors call it.

    Raises
    ------
    ProblemError
        One line: the file, the key, the value, what was possible.

    Examples
    --------
    >>> problem = parse_problem('graph = "A -> Y"\\nquestion = "P(Y | do(A))"')
    >>> problem.questions, problem.method.level
    (('P(Y | do(A))',), 0.95)
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = f" To draft a problem file for a table: umbel start {name}" if name.endswith(TABLES) else ""
        raise ProblemError(f"{name} is not TOML: {' '.join(str(error).split())}.{hint}") from None
    except (ValueError, RecursionError):  # a number of thousands of digits; thousands of brackets
        raise ProblemError(f"{name} is not TOML that can be read: a number or a nesting is too long.") from None
    return _problem(Section(content, name), folder or Path())


def missing_file(problem: ProblemSpec) -> str | None:
    """The first file that the problem names and that is not there, as the problem names it."""
    named = [path for study in problem.studies for path in study.paths()]
    if problem.equations is not None:
        named.append(problem.equations)
    return next((path for path in named if not (problem.folder / path).is_file()), None)


def _problem(section: Section, folder: Path) -> ProblemSpec:
    questions = section.texts_or_one("question", required=True)
    problem = ProblemSpec(
        graph=section.text("graph", required=True) or "",
        questions=questions,
        several=section.is_list("question"),
        title=section.text("title") or "",
        assumptions=section.texts_or_one("assumptions"),
        studies=tuple(_study(one) for one in section.sections("study")),
        variables=tuple(_variable(name, one) for name, one in section.named_sections("variables")),
        method=_method(section.section("method")),
        equations=section.text("equations"),
        where=section.texts_or_one("where"),
        folder=folder,
    )
    section.finish()
    return problem


def _study(section: Section) -> StudySpec:
    unit = section.texts_or_one("unit")
    study = StudySpec(
        table=section.text("table"),
        units=_units(section, unit),
        unit=unit,
        count=section.text("count"),
        weight=section.text("weight"),
        unit_weight=section.text("unit_weight"),
        cluster=section.text("cluster"),
        strata=section.text("strata"),
        do=section.texts_or_one("do"),
        assigned=section.text("assigned"),
        doses=section.states_by_name("doses"),
        edges=section.text("edges"),
        selected=section.texts_or_one("selected"),
        errors=section.text_by_name("errors"),
        summaries=tuple(_summary(one) for one in section.sections("summaries")),
        counts=section.texts_by_name("counts"),
        database=section.text("database"),
    )
    section.finish(elsewhere=_PROBLEM_KEYS)
    if study.table is None and not study.units:
        raise ProblemError(f"{section.where} names no data: give 'table', or 'units' with 'summaries'.")
    if study.table is None and not study.summaries:
        raise ProblemError(f"{section.where} has units and no table: give 'table', or the published 'summaries'.")
    return study


TABLES = (".csv", ".tsv", ".parquet", ".txt", ".gz")
"""Endings of tables, which are no problem files."""

_PROBLEM_KEYS = frozenset({"title", "assumptions", "graph", "question", "equations", "where"})


def _units(section: Section, unit: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """One path (its key stays empty), or a table ``key = path`` with one entry per level."""
    if not section.is_table("units"):
        path = section.text("units")
        return () if path is None else (("", path),)
    levels = dict(section.text_by_name("units"))
    for key in unit:
        if key not in levels:
            raise ProblemError(
                f"{section.where}: unit names {shown(key)}, for which units gives no table. "
                f"units has: {', '.join(levels) or 'nothing'}."
            )
    return tuple((key, levels[key]) for key in unit) if unit else tuple(levels.items())


def _summary(section: Section) -> SummarySpec:
    summary = SummarySpec(
        of=section.text("of", required=True) or "",
        value=section.text("value", required=True) or "",
        se=section.text("se", required=True) or "",
    )
    section.finish()
    return summary


def _variable(name: str, section: Section) -> VariableSpec:
    variable = VariableSpec(
        name=name,
        column=section.text("column"),
        label=section.text("label"),
        measure=section.text("measure"),
        missing=section.states("missing"),
        states=section.states_or_size("states"),
    )
    section.finish()
    return variable


def _box(section: Section) -> tuple[tuple[str, float, float], ...]:
    """``box = { k1 = [0, 3] }``: where the parameters of ``max[k1]`` may lie."""
    found = []
    for name, ends in section.states_by_name("box"):
        numbers = [float(end) for end in ends if isinstance(end, int | float) and not isinstance(end, bool)]
        if len(ends) != 2 or len(numbers) != 2 or not numbers[0] < numbers[1]:
            raise ProblemError(f"{section.where}: the box of {name} is {list(ends)}. Give its ends: {name} = [0, 1].")
        found.append((name, numbers[0], numbers[1]))
    return tuple(found)


def _method(section: Section) -> MethodSpec:
    method = MethodSpec(
        name=section.text("name"),
        level=section.number("level", above=0.0, below=1.0, default=0.95),
        seed=section.whole("seed", default=0),
        location=section.number("location", default=None),
        scale=section.number("scale", above=0.0, default=None),
        despite_incompatibility=section.flag("despite_incompatibility"),
        outcome=section.text("outcome"),
        treatment=section.text("treatment"),
        folds=section.whole_or_none("folds"),
        members=_members(section),
        box=_box(section),
        budget=section.number("budget", above=0.0, default=None),
        scan=section.texts_or_one("scan"),
    )
    section.finish()
    return method


def _members(section: Section) -> Literal["sample", "all"]:
    found = section.text("members")
    match found:
        case None | "sample":
            return "sample"
        case "all":
            return "all"
        case _:
            raise ProblemError(f'{section.where}: members is {shown(found)}; it must be "sample" or "all".')
