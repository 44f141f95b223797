"""The estimand language: immutable nodes that say what to compute and from which laws.

An estimand is read by estimators that never see a graph, so it carries everything: which
variable or within-unit law each symbol stands for (its *meaning*, with level and plate), which
copies are the same variable, where an intervention is evaluated, and which source each law comes
from. Meanings are recursive: ``Law`` is the random law of a unit's members (the Q variable of
Weinstein and Blei, JMLR 27(37) 2026, Definition 4), and what it is a law *of* may be laws again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from umbel.variable import State

Level = tuple[str, ...]
"""Names of the plates around a thing, outermost first; ``()`` is the unit level."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A variable of the user's graph; ``level``: the plates around it."""

    name: str
    level: Level = ()


@dataclass(frozen=True, slots=True)
class Law:
    """The random law of ``of`` given ``given`` among the members of one unit's plate.

    Parameters
    ----------
    of, given
        What the law describes; meanings at level ``plate``.
    plate
        Path of the plate whose members are described; the law itself lives one level out.
    formula
        How the law is computed from the joint law of the unit's observed members: an expression
        over level ``plate``. ``Probability(of, given)`` for an ordinary conditional, otherwise
        the result of identification inside the unit (Eq. 71 with hidden members).
    """

    of: tuple[Meaning, ...]
    given: tuple[Meaning, ...]
    plate: Level
    formula: Expr
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Laws nest and are hashed often. Equal ones have equal formulas, which tell no more apart.
        object.__setattr__(self, "_hash", hash((self.of, self.given, self.plate)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def level(self) -> Level:
        """The level at which one value of this law lives."""
        return self.plate[:-1]


Meaning = Raw | Law


@dataclass(frozen=True, slots=True)
class Symbol:
    """A meaning with a copy number: bound copies of one variable differ in ``copy``."""

    meaning: Meaning
    copy: int = 0


class DrawnLaw(Protocol):
    """A law that a question names after ``~``: its text and its weights."""

    @property
    def text(self) -> str:
        """As it is written in the question."""
        ...

    def weight(self, state: State, states: tuple[State, ...], covariates: dict[str, State]) -> float:
        """Probability of one state given the covariates."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """The law that an intervention gives to ``of``; ``given``: what it reads.

    ``law`` is None for an unspecified ``q``: its table is supplied at evaluation, keyed by the
    treatment's name.
    """

    of: Raw
    given: tuple[Raw, ...]
    law: DrawnLaw | None


@dataclass(frozen=True, slots=True)
class AtState:
    """A plain value: ``A = 1``."""

    state: State


@dataclass(frozen=True, slots=True)
class Certain:
    """The law under which every member of a plate holds one and the same value.

    A symbol stands for every value in turn: ``do(A)``.
    """

    value: Value | Symbol


Value = AtState | Policy | Certain


@dataclass(frozen=True, slots=True)
class Held:
    """A symbol that stands at an intervened value in its slot."""

    symbol: Symbol
    value: Value


Slot = Symbol | Held


@dataclass(frozen=True, slots=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True, slots=True)
class Probability:
    """The observed law ``P(of | given)`` of a source, sampled at ``level``.

    ``level`` ``()`` draws one unit; ``("student",)`` draws one student of one unit, units
    weighing the same. Inside a :class:`Law`'s formula it is the law among one unit's members.
    """

    of: tuple[Slot, ...]
    given: tuple[Slot, ...] = ()
    level: Level = ()
    source: int = 0


@dataclass(frozen=True, slots=True)
class Inside:
    """The value of a within-unit law at its arguments: ``Q[Y|A]`` at ``(y, a)``."""

    law: Symbol
    of: tuple[Slot, ...]
    given: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """The weight that an intervention's law gives to a value: ``q(a | x)``."""

    policy: Policy
    of: Slot
    given: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class Equilibrium:
    """The law that a block settles in when some of its members follow new laws.

    The stationary law of Gibbs sampling, one conditional law per member (Sherman, Arbour and
    Shpitser, "General identification of dynamic treatment regimes under interference", 2020,
    Theorem 1: ``p*``). Random scan, unless an evaluation is given an order.

    Parameters
    ----------
    of
        Where the settled law is read: a slot for each member that is not summed out.
    members
        The members as their laws name them; bound inside this node.
    laws
        For each member its law given the others and what stands outside the block: an observed
        law, or one that the intervention draws from.
    """

    of: tuple[Slot, ...]
    members: tuple[Symbol, ...]
    laws: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class NetworkLaw:
    """How one variable of a person follows the person's own variables and those of the neighbours.

    Parameters
    ----------
    of
        The variable.
    own
        What it reads of the same person.
    near
        What it reads of the neighbours, summed over them.
    means
        Exposures: what it reads of the neighbours on average.
    settled
        Whether it answers to the neighbours' values of itself, and so settles in equilibrium.
    """

    of: Raw
    own: tuple[Raw, ...]
    near: tuple[Raw, ...] = ()
    means: tuple[Raw, ...] = ()
    settled: bool = False


@dataclass(frozen=True, slots=True)
class NetworkMean:
    """The mean of a variable over the persons of one network when some variables follow new laws.

    Persons keep what no intervention reaches; what it reaches follows ``laws``, causes first, each
    in equilibrium where neighbours answer each other (Tchetgen Tchetgen, Fulcher and Shpitser,
    "Auto-g-computation of causal effects on a network", JASA 116, 2021).

    Parameters
    ----------
    outcome
        The variable whose mean is asked.
    set_to
        Each treatment with its value or its new law; none: treatments as they are.
    laws
        How what lies between treatments and outcome arises.
    state
        The share of persons whose outcome is this state, in place of the mean; a symbol stands for
        every state in turn; None: the mean.
    among
        Whose mean it is: the persons who have these values of what no intervention reaches.
    """

    outcome: Raw
    set_to: tuple[tuple[Raw, AtState | Policy], ...]
    laws: tuple[NetworkLaw, ...]
    state: AtState | Symbol | None = None
    among: tuple[tuple[Raw, AtState | Symbol], ...] = ()


@dataclass(frozen=True, slots=True)
class NumericValue:
    """The numeric value of a variable, as in ``E[Y] = Σ_Y Y P(Y)``."""

    symbol: Symbol


@dataclass(frozen=True, slots=True)
class Product:
    """A product of factors."""

    factors: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Quotient:
    """A quotient; 0/0 is undefined."""

    numerator: Expr
    denominator: Expr


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum (for laws: an integral) over bound symbols."""

    over: tuple[Symbol, ...]
    body: Expr


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear combination, as in a contrast."""

    terms: tuple[tuple[float, Expr], ...]


Expr = (
    Number | Probability | Inside | Drawn | Equilibrium | NetworkMean | NumericValue | Product | Quotient | Sum | Linear
)
