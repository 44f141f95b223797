"""Which effects through kinds of units can be evaluated: three shapes of estimand, each a mean of weighted units.

Mediated: ``∑_u P(u) ∑_z P(z | u, Q[A] = q) E[Q[Y|A] at q | u, z]``. Direct: ``∑_u P(u) E[Y | u, Q[A] = q]``.
Composed: ``∑_u P(u) P(Q[Y|W] | u) P(Q[W] | u, Q[Y|W], a)``, which is the mean outcome of the units with
``a`` inside each class, because the views that unmix it are ``Q[Y|W]`` and ``A`` and are independent there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from umbel.expr.build import leaves
from umbel.expr.nodes import (
    AtState,
    Drawn,
    DrawnLaw,
    Expr,
    Held,
    Inside,
    Law,
    Linear,
    NumericValue,
    Policy,
    Probability,
    Product,
    Raw,
    Slot,
    Sum,
    Symbol,
)
from umbel.expr.unmixing import UnitUnmixing
from umbel.variable import State

Kind = Literal["mediated", "direct", "composed"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Names of an effect, and its weighted doses.

    Parameters
    ----------
    kind
        The shape.
    inner
        Whose share inside a unit is read: the treatment, or what the treatment of the unit acts on.
    outer
        The unit's variable beside it: the mediator, or the treatment; empty where there is none.
    outcome
        Its name.
    event
        The outcome's state whose probability is asked; None for its mean.
    pooled
        Whether the mean outcome is the same in every class, given the mediator.
    laws
        Weights and laws of ``inner`` that are set.
    arms
        Weights and states of ``outer`` that are set.
    """

    kind: Kind
    inner: str
    outer: str
    outcome: str
    event: State | None = None
    pooled: bool = False
    laws: tuple[tuple[float, DrawnLaw], ...] = ()
    arms: tuple[tuple[float, State], ...] = ()


def pattern_of(expr: Expr, unmixing: UnitUnmixing) -> Pattern | None:
    """A combination of effects of one shape and one set of names; None when the estimand is of another shape."""
    parts = _expanded(expr)
    found = [_part(part, unmixing) for _, part in parts]
    if not found or any(one is None for one in found):
        return None
    first = found[0]
    assert first is not None
    laws: list[tuple[float, DrawnLaw]] = []
    arms: list[tuple[float, State]] = []
    for (weight, _), one in zip(parts, found, strict=True):
        assert one is not None
        if _names(one) != _names(first):
            return None
        laws += [(weight, law) for _, law in one.laws]
        arms += [(weight, state) for _, state in one.arms]
    return Pattern(first.kind, *_names(first)[1:], tuple(laws), tuple(arms))


def _names(one: Pattern) -> tuple[Kind, str, str, str, State | None, bool]:
    return one.kind, one.inner, one.outer, one.outcome, one.event, one.pooled


def _part(part: Expr, unmixing: UnitUnmixing) -> Pattern | None:
    """One term."""
    if not _is_sum_of_products(part):
        return None
    found = leaves(part)
    laws = [leaf for leaf in found if isinstance(leaf, Probability) and leaf != _class_law(unmixing)]
    if _class_law(unmixing) not in found or any(len(leaf.of) != 1 for leaf in laws):
        return None
    numeric = [leaf.symbol.meaning for leaf in found if isinstance(leaf, NumericValue)]
    insides = [leaf for leaf in found if isinstance(leaf, Inside)]
    drawn = [leaf.policy for leaf in found if isinstance(leaf, Drawn)]
    if len(laws) == 1 and not insides and not drawn:
        return _direct(laws[0], numeric, unmixing)
    if len(laws) != 2:
        return None
    if len(insides) == 1 and len(drawn) == 1:
        return _mediated(laws, insides[0], drawn[0], numeric, unmixing)
    if len(insides) == 2 and not drawn:
        return _composed(laws, insides, numeric, unmixing)
    return None


def _expanded(expr: Expr) -> list[tuple[float, Expr]]:
    """Terms of a combination, differences inside sums and products drawn out of them."""
    match expr:
        case Linear(terms):
            return [(weight * inner, part) for weight, one in terms for inner, part in _expanded(one)]
        case Sum(over, body):
            return [(weight, Sum(over, part)) for weight, part in _expanded(body)]
        case Product(factors):
            found: list[tuple[float, tuple[Expr, ...]]] = [(1.0, ())]
            for factor in factors:
                found = [(w * v, (*kept, part)) for w, kept in found for v, part in _expanded(factor)]
            return [(weight, Product(kept)) for weight, kept in found]
        case _:
            return [(1.0, expr)]


def _is_sum_of_products(part: Expr) -> bool:
    match part:
        case Sum(_, body):
            return _is_sum_of_products(body)
        case Product(factors):
            return all(_is_sum_of_products(one) for one in factors)
        case Probability() | NumericValue() | Inside() | Drawn():
            return True
        case _:
            return False


def _class_law(unmixing: UnitUnmixing) -> Expr:
    return Probability((Symbol(Raw(unmixing.latent)),))


def _name(slot: Slot) -> object:
    """The meaning of a free slot; None for one that is held."""
    return None if isinstance(slot, Held) else slot.meaning


def _set(slots: tuple[Slot, ...]) -> tuple[tuple[object, ...], list[Held]]:
    """Meanings of the free slots, and the held ones."""
    return tuple(_name(slot) for slot in slots if not isinstance(slot, Held)), [s for s in slots if isinstance(s, Held)]


def _dose(held: list[Held]) -> tuple[str, DrawnLaw] | None:
    """The member variable whose law is set, and the law."""
    if len(held) != 1 or not isinstance(held[0].value, Policy) or held[0].value.law is None:
        return None
    law = held[0].symbol.meaning
    if not isinstance(law, Law) or law.given or len(law.of) != 1 or not isinstance(law.of[0], Raw):
        return None
    return law.of[0].name, held[0].value.law


def _outcome(slot: Slot, numeric: Sequence[object]) -> tuple[str, State | None] | None:
    """The outcome and the event, where its mean or the chance of one state is asked."""
    meaning = slot.symbol.meaning if isinstance(slot, Held) else slot.meaning
    if not isinstance(meaning, Raw):
        return None
    if isinstance(slot, Held):
        event = slot.value.state if isinstance(slot.value, AtState) and not numeric else None
        return None if event is None else (meaning.name, event)
    return (meaning.name, None) if list(numeric) == [meaning] else None


def _direct(law: Probability, numeric: Sequence[object], unmixing: UnitUnmixing) -> Pattern | None:
    free, held = _set(law.given)
    dose, outcome = _dose(held), _outcome(law.of[0], numeric)
    if free != (Raw(unmixing.latent),) or dose is None or outcome is None:
        return None
    return Pattern("direct", dose[0], "", outcome[0], outcome[1], laws=((1.0, dose[1]),))


def _mediated(
    laws: list[Probability], inside: Inside, drawn: Policy, numeric: Sequence[object], unmixing: UnitUnmixing
) -> Pattern | None:
    u = Raw(unmixing.latent)
    for first, second in (laws, laws[::-1]):
        mediator, response = _name(first.of[0]), _name(second.of[0])
        free, held = _set(first.given)
        dose = _dose(held)
        reads, none = _set(second.given)
        if not isinstance(mediator, Raw) or not isinstance(response, Law) or dose is None or none or free != (u,):
            continue
        outcome = _outcome(inside.of[0], numeric) if len(inside.of) == 1 else None
        fits = (
            outcome is not None
            and inside.law.meaning == response
            and tuple(_raw(one) for one in response.of) == (outcome[0],)
            and tuple(_raw(one) for one in response.given) == (dose[0],)
            and drawn.law == dose[1]
            and set(reads) in ({mediator}, {u, mediator})
        )
        if fits and outcome is not None:
            pooled = u not in reads
            return Pattern("mediated", dose[0], mediator.name, *outcome, pooled, laws=((1.0, dose[1]),))
    return None


def _composed(
    laws: list[Probability], insides: list[Inside], numeric: Sequence[object], unmixing: UnitUnmixing
) -> Pattern | None:
    u = Raw(unmixing.latent)
    for response, share in (laws, laws[::-1]):
        of, inner = _name(response.of[0]), _name(share.of[0])
        free, held = _set(share.given)
        if not isinstance(of, Law) or not isinstance(inner, Law) or inner.given or len(held) != 1:
            continue
        arm = held[0]
        ends = [_outcome(one.of[0], numeric) for one in insides if one.law.meaning == of and len(one.of) == 1]
        outcome = ends[0] if len(ends) == 1 else None
        treatment = arm.symbol.meaning
        fits = (
            outcome is not None
            and isinstance(treatment, Raw)
            and isinstance(arm.value, AtState)
            and _set(response.given) == ((u,), [])
            and set(free) == {u, of}
            and tuple(_raw(one) for one in of.of) == (outcome[0],)
            and tuple(_raw(one) for one in of.given) == tuple(_raw(one) for one in inner.of)
            and unmixing.arm is None
            and treatment.name in unmixing.views
        )
        if fits and outcome is not None and isinstance(treatment, Raw) and isinstance(arm.value, AtState):
            name = _raw(inner.of[0])
            return Pattern("composed", name, treatment.name, *outcome, arms=((1.0, arm.value.state),))
    return None


def _raw(meaning: object) -> str:
    return meaning.name if isinstance(meaning, Raw) else ""
