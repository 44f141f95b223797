"""What an estimator is: it reads an estimand and statistics, never a graph, and returns numbers.

One file and one frozen dataclass per estimator. ``supports`` looks at the estimand and at what
the study holds, and says :class:`Supported` or a :class:`~umbel.results.step.Refusal` with its
reason; ``estimate`` reads what it needs from the study and returns an :class:`Estimated`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from umbel.data.study import Study
from umbel.expr.estimand import Requirement
from umbel.expr.macros import MacroForm
from umbel.expr.nodes import Expr, Symbol
from umbel.expr.unmixing import UnitUnmixing, Unmixing
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import DataSource, Estimate, LatentClass, Row
from umbel.variable import Domain

Names = frozenset[str]
Independent = Callable[[Names, Names, Names], bool]
"""Whether the graph holds two sets of variables independent given a third."""

Watch = Callable[[Iterable[int], str, int], Iterable[int]]
"""Passes steps through and may show how far they are: ``watch(range(200), "bootstrap", 200)``."""


def unwatched(steps: Iterable[int], what: str, total: int) -> Iterable[int]:
    """The steps, and nobody looks on.

    Examples
    --------
    >>> list(unwatched(range(2), "bootstrap", 2))
    [0, 1]
    """
    del what, total
    return steps


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be estimated: a number that an estimand defines.

    Parameters
    ----------
    term
        The question's text, which names the number in rows.
    expr
        The estimand; it carries levels, laws and interventions, so that nothing else is needed.
    domains
        States of the variables that have declared ones.
    axes
        Variables that the question leaves free: one row per value. Empty for a single number.
    requirements
        Positivity conditions, which data turns into Checks.
    strategy
        The estimand's strategy: "back-door" and its kin vouch that conditions which its laws
        leave out make no difference.
    unmixing
        The views of a latent class that ``expr`` speaks of; None where it speaks of none.
    macro
        The macro-intervention in numbers; None where no total is set.
    independent
        The graph's word on independence, by which laws may be learnt given all that comes before;
        None where nobody vouches.
    """

    term: str
    expr: Expr
    domains: Mapping[str, Domain] = field(default_factory=dict)
    axes: tuple[Symbol, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    strategy: str = ""
    unmixing: Unmixing | UnitUnmixing | None = None
    macro: MacroForm | None = None
    independent: Independent | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Supported:
    """The estimator can answer; ``score`` says how well it fits, larger first."""

    score: int = 0


@dataclass(frozen=True, slots=True)
class Estimated:
    """Numbers, and what a reader must know about them.

    Parameters
    ----------
    estimate
        The number that was asked for.
    rows
        Further rows, each named; the first is the estimate itself.
    checks
        Doubts about data and method.
    assumptions
        What the method adds to the graph's assumptions: models, priors with their scales.
    references
        What to cite.
    units
        Number of units that the estimate stands on.
    data
        The tables that were read, with the rows that were complete.
    classes
        Latent classes, where the question asks for them.
    """

    estimate: Estimate
    rows: tuple[Row, ...] = ()
    checks: tuple[Check, ...] = ()
    assumptions: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    units: int | None = None
    data: tuple[DataSource, ...] = ()
    classes: tuple[LatentClass, ...] | None = None


class Estimator(Protocol):
    """The interface of every estimator; implementations are frozen dataclasses without state."""

    @property
    def name(self) -> str:
        """The word that ``[method] name`` takes."""
        ...

    @property
    def level(self) -> float:
        """Level of its intervals."""
        ...

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Whether this estimator answers that estimand from such a study."""
        ...

    def estimate(
        self, target: Target, study: Study, *, rng: np.random.Generator, watch: Watch = unwatched
    ) -> Estimated | Refusal:
        """Read the study and estimate; a Refusal when the data cannot carry it."""
        ...


def unused(study: Study, *parts: str) -> tuple[Check, ...]:
    """What a study declares and an estimator does not read: a doubt, never a silence.

    Examples
    --------
    >>> study = Study({"A": [0], "psu": [1]}, cluster="psu")
    >>> unused(study, "cluster", "strata")[0].advice
    'This estimator does not read what the study declares as cluster.'
    """
    declared = [part for part in parts if getattr(study, part)]
    advice = f"This estimator does not read what the study declares as {', '.join(declared)}."
    return (Check("design", False, None, advice),) if declared else ()
