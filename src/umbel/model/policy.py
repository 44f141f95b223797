"""How an intervention brings its value about: a law for a treatment, a realisation for an aggregate.

``A ~ Bernoulli(0.75)`` draws A from a family, whose parameters may depend on covariates;
``A ~ q(X)`` leaves the law open, for identification and for laws that come as tables.
``Sales = 33 by natural`` says which micro-variables move when their aggregate is set: without it a
macro-intervention has no single meaning (Zhu et al., "Meaningful causal aggregation and
paradoxical confounding", definition 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from umbel.model.formula import Formula, reads


@dataclass(frozen=True, slots=True)
class Unspecified:
    """A law that the question leaves open, of its own for each treatment: ``q``, ``q(X, Z)``."""

    name: str = "q"
    given: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """The covariates that the law depends on."""
        return self.given


@dataclass(frozen=True, slots=True)
class Family:
    """One of :data:`FAMILIES`, with a formula for each parameter.

    Examples
    --------
    >>> from umbel.model.formula import Constant
    >>> Family("Bernoulli", (Constant(0.75),)).reads
    ()
    """

    name: str
    arguments: tuple[Formula, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """The covariates (and parameters of ``max[…]``) that the law depends on."""
        return reads(*self.arguments)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a member reads of its neighbours when each of them draws ``of`` from ``law``.

    No question writes it: it stands for friendships that only data show, and each arm of a contrast
    has its own.
    """

    of: str
    kind: str
    law: Family

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing: laws that read covariates are refused earlier."""
        return ()


Policy = Unspecified | Family | Pushed

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "Bernoulli": ("probability of 1",),
    "Categorical": ("probability of the first state", "of the second", "…"),
    "Normal": ("mean", "standard deviation"),
    "Point": ("value",),
}
"""The families that may follow ``~``, with their parameters; "…" where more may follow."""


@dataclass(frozen=True, slots=True)
class Natural:
    """The micro-variables follow their law given the aggregate's value, and what ``given`` names.

    ``natural`` is ``P(X | total)``; ``natural(Z)`` is ``P(X | total, Z)``, which a regression of the
    outcome on the total and Z speaks of. They differ where Z goes with the parts.
    """

    given: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shift:
    """Each unit keeps its micro-variables but for the change that the new value needs, split so.

    ``shift(X2)`` moves X2 alone; ``shift(X1: .5, X2: .5)`` moves both, in these proportions.
    """

    weights: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Perfect:
    """The micro-variables are drawn anew, cut from their causes, in these proportions on average."""

    weights: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Point:
    """Each micro-variable is set to a formula, which may read the aggregate by its name."""

    values: tuple[tuple[str, Formula], ...]


@dataclass(frozen=True, slots=True)
class Levers:
    """Only these micro-variables can be moved; how far each moves is the least that is needed."""

    names: tuple[str, ...]


Realisation = Natural | Shift | Perfect | Point | Levers

REALISATIONS = ("natural", "shift", "perfect", "point", "levers")
"""The words that may follow ``by``."""


def parts_of(realisation: Realisation) -> tuple[str, ...]:
    """The micro-variables that a realisation names.

    Examples
    --------
    >>> parts_of(Shift((("X1", 0.5), ("X2", 0.5))))
    ('X1', 'X2')
    """
    match realisation:
        case Natural():
            return ()  # what it is given is no part
        case Shift(pairs) | Perfect(pairs):
            return tuple(name for name, _ in pairs)
        case Point(values):
            return tuple(name for name, _ in values)
        case Levers(names):
            return names
