"""An effect on members whose treatment also moves a variable of their unit: what is to be bounded.

Law-valued treatments have no finite list of response functions, so the question is kept as it is:
policies for the members, the unit's variable that stands between (the interferer), and how hidden
causes reach it. Whoever evaluates it needs no graph.
"""

from __future__ import annotations

from dataclasses import dataclass

from umbel.variable import Domain, State


@dataclass(frozen=True, slots=True)
class Arm:
    """One term: its weight in the question, its text, and how likely each state of the treatment is."""

    weight: float
    text: str
    policy: tuple[tuple[State, float], ...]


@dataclass(frozen=True, slots=True)
class Interfered:
    """The question, and what the graph says of the way through the unit.

    Parameters
    ----------
    treatment, outcome
        Variables of the members; the treatment has two states.
    value
        The outcome's value in ``P(Y = value | ...)``; None: its mean.
    interferer
        The one variable of the unit through which the treatment acts on others.
    arms
        The terms.
    hidden
        Whether hidden causes reach the outcome itself, and not the interferer alone.
    rising
        ``(interferer, outcome)``: whether the first is declared to rise with the treatment, and the
        second with the interferer.
    sharp
        False where an observed variable of the unit is left unused.
    domains
        Declared states of the three variables.
    """

    treatment: str
    outcome: str
    value: State | None
    interferer: str
    arms: tuple[Arm, ...]
    hidden: bool
    rising: tuple[bool, bool]
    sharp: bool
    domains: tuple[Domain | None, Domain | None, Domain | None]
