"""A bounding problem as a value: response functions, what the studies see of them, what is asked.

Where identification ends, a discrete model still says much. The unit's exogenous state selects a
response function for each variable (Balke and Pearl, "Counterfactual probabilities", UAI 1994);
the laws of these states, one law per component of variables that share hidden causes, are all
that is unknown, and the question is a polynomial in them. Everything here is small and symbolic:
whoever evaluates it expands the functions into arrays and needs no graph.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from umbel.variable import Domain

Function = tuple[int, ...]
"""A response function: the code of the value for each configuration of the parents, first slowest."""

ProgrammeKind = Literal["linear", "fractional", "multilinear", "multilinear fractional"]


@dataclass(frozen=True, slots=True)
class Mechanism:
    """How one variable answers its parents, for each state of the roots that it reads.

    Parameters
    ----------
    node
        Index into :attr:`Programme.names`.
    parents
        Indices of its visible parents: the axes of its functions.
    roots
        Positions, in its component, of the roots that select the function; the first slowest.
    functions
        One function per joint state of these roots.
    """

    node: int
    parents: tuple[int, ...]
    roots: tuple[int, ...]
    functions: tuple[Function, ...]


@dataclass(frozen=True, slots=True)
class Component:
    """Variables that share hidden causes, with the exogenous roots that drive them.

    Parameters
    ----------
    mechanisms
        One per variable, in topological order.
    roots
        Number of states of each root.
    groups
        Roots within a group have any joint law; groups are independent. One group: the law of
        everything that is seen is linear in one vector of probabilities.
    exact
        Whether the hidden causes allow every joint law of a group. Otherwise bounds are outer.
    given
        Values of covariates, as pairs of a variable and a code: the component in units that have
        them. Empty: in all units.
    """

    mechanisms: tuple[Mechanism, ...]
    roots: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    exact: bool = True
    given: tuple[tuple[int, int], ...] = ()

    @property
    def nodes(self) -> tuple[int, ...]:
        """Its variables, in topological order."""
        return tuple(mechanism.node for mechanism in self.mechanisms)

    @property
    def size(self) -> int:
        """Number of joint states of the roots."""
        return math.prod(self.roots)


@dataclass(frozen=True, slots=True)
class Fixed:
    """The code of a value that an intervention holds."""

    code: int


@dataclass(frozen=True, slots=True)
class Copy:
    """A variable in a world: its parents there, each a copy (its position) or held at a value.

    Parameters
    ----------
    node
        The variable.
    reads
        One per parent of its mechanism.
    value
        The code that the event demands; None: summed over.
    given
        Values of the covariates of its component, where that has a law for each of them.
    """

    node: int
    reads: tuple[int | Fixed, ...]
    value: int | None = None
    given: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """A joint event in several worlds: the copies of the variables that decide it, causes first.

    What two worlds share is one copy. ``impossible``: the event contradicts itself.
    """

    copies: tuple[Copy, ...] = ()
    impossible: bool = False


@dataclass(frozen=True, slots=True)
class Quantity:
    """A linear combination of probabilities of scenes, and a constant."""

    parts: tuple[tuple[float, Scene], ...]
    constant: float = 0.0


ONE = Quantity((), 1.0)
"""The denominator of a quantity that is no ratio."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A declared inequality: ``lower <= quantity <= upper``."""

    quantity: Quantity
    lower: float
    upper: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Programme:
    """What is to be bounded, over which models.

    Parameters
    ----------
    names, domains
        The visible variables in topological order, and their states.
    components
        Those that the question needs.
    numerator, denominator
        The question: a ratio of polynomials in the components' laws.
    limits
        Declared inequalities.
    exact
        Whether these models are all that the graph allows and no more.
    remarks
        What was left out, in the user's words.

    Examples
    --------
    >>> domain = Domain.of_size(2)
    >>> coin = Component((Mechanism(0, (), (0,), ((0,), (1,))),), (2,), ((0,),))
    >>> heads = Quantity(((1.0, Scene((Copy(0, (), 1),))),))
    >>> Programme(("Y",), (domain,), (coin,), heads).kind
    'linear'
    """

    names: tuple[str, ...]
    domains: tuple[Domain, ...]
    components: tuple[Component, ...]
    numerator: Quantity
    denominator: Quantity = ONE
    limits: tuple[Limit, ...] = ()
    exact: bool = True
    remarks: tuple[str, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of states of each variable."""
        return tuple(len(domain) for domain in self.domains)

    @property
    def kind(self) -> ProgrammeKind:
        """Linear when one component decides the question, multilinear when several do."""
        several = len(self.components) > 1
        ratio = self.denominator is not ONE and bool(self.denominator.parts)
        if several:
            return "multilinear fractional" if ratio else "multilinear"
        return "fractional" if ratio else "linear"

    def labels(self, component: Component) -> str:
        """The component's variables, for people: ``{A, Y}``."""
        return "{" + ", ".join(self.names[node] for node in component.nodes) + "}"
