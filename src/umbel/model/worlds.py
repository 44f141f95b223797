"""What a counterfactual verdict is proved from: potential outcomes, their factors, and why one fails.

A question about several worlds is unnested to potential outcomes, each variable under a setting
of its parents (the counterfactual factors of Correa, Lee and Bareinboim, "Nested counterfactual
identification from arbitrary surrogate experiments", NeurIPS 2021, Definition 6). Their joint law
splits by districts, and a district that nowhere contradicts itself is one kernel of the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from umbel.expr.nodes import AtState, Symbol
from umbel.graph.mixed import Graph, bits


@dataclass(frozen=True, slots=True)
class Unknown:
    """The value of a potential outcome that nothing fixes: it is summed over.

    Parameters
    ----------
    name
        Equal for equal potential outcomes, in every law that one question needs.
    node
        The variable whose value it is.
    """

    name: int
    node: int


Filler = AtState | Symbol | Unknown
"""What stands for a value: a state, a symbol for each value in turn, or a summed value."""


@dataclass(frozen=True, slots=True)
class PotentialOutcome:
    """``V[parents = reads] = value``.

    Parameters
    ----------
    node
        The variable.
    reads
        What its parents are set to, in the order of their indices.
    value
        Its own value.
    """

    node: int
    reads: tuple[Filler, ...]
    value: Filler

    @property
    def rank(self) -> tuple[object, ...]:
        """What to sort by, so that no hash decides an order."""
        return self.node, tuple(map(_rank, self.reads)), _rank(self.value)


def _rank(filler: Filler) -> tuple[int, int, str]:
    match filler:
        case AtState(state):
            return 0, 0, repr(state)
        case Symbol(meaning):
            return 1, 0, getattr(meaning, "name", "")
        case Unknown(name):
            return 2, name, ""


@dataclass(frozen=True, slots=True)
class Factor:
    """The joint law of potential outcomes whose variables form one district.

    Parameters
    ----------
    district
        Mask of the variables.
    outcomes
        At least one for each of them.
    """

    district: int
    outcomes: tuple[PotentialOutcome, ...]

    def fillers(self, graph: Graph) -> dict[int, Filler]:
        """Value of each variable and of each parent; only for a factor without :class:`Conflict`."""
        found: dict[int, Filler] = {}
        for outcome in self.outcomes:
            found |= dict(zip(bits(graph.parents[outcome.node]), outcome.reads, strict=True))
        return found | {outcome.node: outcome.value for outcome in self.outcomes}


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two potential outcomes of one district that no single world shows together.

    Parameters
    ----------
    first, second
        Them; ``second`` is the outcome of ``over`` itself where the district holds it.
    over
        The variable that takes two values: a parent of both, or a parent of ``first``.
    path
        Variables joined by ``<->``, from the first to the second; one variable when both are of it.
    """

    first: PotentialOutcome
    second: PotentialOutcome
    over: int
    path: tuple[int, ...]

    @property
    def both(self) -> tuple[PotentialOutcome, PotentialOutcome]:
        """The two outcomes."""
        return self.first, self.second


@dataclass(frozen=True, slots=True)
class Use:
    """One use of declared states.

    Parameters
    ----------
    kind
        ``"sum"``: a summed value at each of its states; ``"subtract"``: a value as the certain
        event less the others; ``"monotone"``: an outcome under two settings of ``over``, one at a time.
    node
        The variable whose states were used.
    over
        The variable that it never falls with; -1 for the other kinds.
    """

    kind: Literal["sum", "subtract", "monotone"]
    node: int
    over: int = -1
