"""What an average of products is, read off its laws: a sequence of settings, or a primal shape.

*Sequence*: ``Σ_Z P(Z) P(Y | Z, A=a)`` and every longer chain in which treatments are set between
variables (Robins 1986; the back-door formula is its shortest case). *Primal*: a treatment stands
at its set value in some laws and at its own value, summed out, in the others, as in the front
door (Bhattacharya, Nabi and Shpitser, JMLR 23(295) 2022, Section 4). *Switched*: a treatment
stands at one state in some laws and at another in the others, as in effects on the treated and in
mediation. All say which variables come before which, so that each law may be learnt given all that
comes before it.
"""

from __future__ import annotations

from dataclasses import dataclass

from umbel.expr.nodes import Policy
from umbel.variable import State

ADJUSTED = frozenset({"back-door", "g-formula", "randomised treatment"})
"""Strategies in which no hidden cause joins the treatment to anything that it affects: there the
variables that the formula reads, learnt given all that come before, give the same value."""

Setting = tuple[str, State | Policy]
"""A variable, and the state at which it is set or the law that it is drawn from."""

PRIMAL = frozenset({"front-door", "generalised front-door"})
"""Strategies in which no hidden cause joins the treatment to its own effects."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is averaged: a number, the indicator of events, or their product.

    Parameters
    ----------
    numeric
        Name of the variable whose value is averaged, None for a probability.
    events
        Variables and the states that count.
    """

    numeric: str | None
    events: tuple[tuple[str, State], ...]

    def names(self) -> tuple[str, ...]:
        """The variables it reads."""
        return (*(() if self.numeric is None else (self.numeric,)), *(name for name, _ in self.events))


@dataclass(frozen=True, slots=True)
class Stage:
    """Variables that come about together, after something was set.

    Parameters
    ----------
    settings
        What is set just before; empty for the observed law.
    variables
        What comes about then.
    """

    settings: tuple[Setting, ...]
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sequential:
    """An average over a chain of stages; ``exact`` when no condition was left out of a law."""

    stages: tuple[Stage, ...]
    outcome: Outcome
    exact: bool

    def history(self, stage: int) -> tuple[str, ...]:
        """Variables that came about before a stage."""
        return tuple(name for one in self.stages[:stage] for name in one.variables)

    def settings(self) -> tuple[Setting, ...]:
        """All that is set, in order."""
        return tuple(setting for one in self.stages for setting in one.settings)


@dataclass(frozen=True, slots=True)
class Block:
    """Variables that come about together; ``own``: under the treatment's own value, not the set one."""

    own: bool
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Primal:
    """An average in which the treatment stands at ``state`` in some blocks, at its own value in others.

    ``where`` are conditions of every law: the average is of the rows that meet them.
    """

    treatment: str
    state: State
    baseline: tuple[str, ...]
    blocks: tuple[Block, ...]
    outcome: Outcome
    exact: bool
    where: tuple[tuple[str, State], ...] = ()

    def history(self, block: int) -> tuple[str, ...]:
        """Variables that came about before a block, the treatment aside."""
        return (*self.baseline, *(name for one in self.blocks[:block] for name in one.variables))


@dataclass(frozen=True, slots=True)
class Switched:
    """An average in which something stands at different states in different laws; always exact.

    Parameters
    ----------
    stages
        What comes about, in order, each with what is set for it alone.
    outcome
        What is averaged.
    joint
        States that come about with the first stage's variables: its law is of them, too.
    where
        Conditions of every law: the average is of the rows that meet them.
    """

    stages: tuple[Stage, ...]
    outcome: Outcome
    joint: tuple[tuple[str, State], ...] = ()
    where: tuple[tuple[str, State], ...] = ()
    exact: bool = True

    def history(self, stage: int) -> tuple[str, ...]:
        """Variables that came about before a stage."""
        return tuple(name for one in self.stages[:stage] for name in one.variables)

    def settings(self) -> tuple[Setting, ...]:
        """All that is set, in order."""
        return (*self.joint, *(setting for one in self.stages for setting in one.settings))


def trusted(shape: Sequential | Primal | Switched, strategy: str) -> bool:
    """Whether a shape's value is the estimand's: always when exact, else by the graph's word.

    Parameters
    ----------
    strategy
        The estimand's strategies, parted by ", ".

    Examples
    --------
    >>> stages = (Stage((), ("Z1", "Z2")), Stage((("A", 1),), ("Y",)))
    >>> dropped = Sequential(stages, Outcome("Y", ()), exact=False)
    >>> trusted(dropped, "back-door"), trusted(dropped, "district reduction")
    (True, False)
    """
    if shape.exact:
        return True
    names = set(strategy.split(", "))
    if isinstance(shape, Primal):
        return names <= ADJUSTED | PRIMAL
    return names <= ADJUSTED
