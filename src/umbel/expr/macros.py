"""What an estimand says of a macro-intervention, for estimators that model the micro level.

The estimand itself spells the realisation out as laws; this value keeps it as numbers: which parts make
the total, what they move, and what must be adjusted for. Names only, so that estimators need no graph
(Zhu, Budhathoki, Kübler and Janzing, "Meaningful causal aggregation and paradoxical confounding").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RealisationKind = Literal["natural", "shift", "perfect", "point", "open"]


@dataclass(frozen=True, slots=True)
class MacroTerm:
    """One expectation in the question.

    Parameters
    ----------
    coefficient
        What multiplies it.
    value
        Of the total; None: each value in turn.
    kind
        The realisation; ``"open"`` where the question names none.
    text
        The realisation as the question writes it.
    direction
        For ``"shift"`` and ``"perfect"``: how far each part moves for one unit of the total.
    point
        For ``"point"``: where each part is set.
    within
        For ``"natural"``: covariates within whose values it holds.
    """

    coefficient: float
    value: float | None
    kind: RealisationKind
    text: str = ""
    direction: tuple[float, ...] = ()
    point: tuple[float, ...] = ()
    within: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MacroForm:
    """A combination of expectations of one outcome under interventions on one total.

    Parameters
    ----------
    total
        Name of the aggregate.
    parts, weights
        Its micro-variables with their weights.
    outcome
        Name.
    outcome_parts
        Where the outcome is an aggregate: its parts with their weights.
    known
        Effects of the parts where they are known by definition: the outcome is a map of them.
    adjust
        Covariates that remove confounding between the parts and the outcome.
    terms
        What is asked.
    constant
        A number that stands beside them.
    """

    total: str
    parts: tuple[str, ...]
    weights: tuple[float, ...]
    outcome: str
    outcome_parts: tuple[tuple[str, float], ...]
    known: tuple[float, ...] | None
    adjust: tuple[str, ...]
    terms: tuple[MacroTerm, ...]
    constant: float = 0.0
