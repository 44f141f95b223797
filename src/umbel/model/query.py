"""What can be asked: the frozen values that question text parses to.

A :class:`Question` holds a body: one term (``P(…)``, ``E[…]``, a named counterfactual, effects in
latent classes), a linear combination of terms, a ratio, or the best of a family of policies. The
smart constructor :func:`combine` keeps one form for each, so that equal questions compare equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import assert_never

from umbel.model.policy import Family, Natural, Policy, Realisation, parts_of
from umbel.variable import State


@dataclass(frozen=True, slots=True)
class Held:
    """``A=1``: the variable is set to a value."""

    name: str
    value: State


@dataclass(frozen=True, slots=True)
class Free:
    """``A``: the variable is set, to each of its values in turn."""

    name: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """``A ~ Bernoulli(0.75)``, ``A ~ q(X)``: the variable's mechanism is replaced by a law."""

    name: str
    law: Policy


@dataclass(frozen=True, slots=True)
class Realised:
    """``Sales = 33 by natural``: an aggregate is set, with how its parts bring it about.

    ``value`` is None for ``Sales by natural``: each value in turn.
    """

    name: str
    value: State | None
    by: Realisation


@dataclass(frozen=True, slots=True)
class SetTo:
    """``M[A=0]`` inside a subscript: the variable is set to what it would be in another world."""

    event: Event

    @property
    def name(self) -> str:
        """The variable that is set."""
        return self.event.variable


Intervention = Held | Free | Drawn | Realised | SetTo


@dataclass(frozen=True, slots=True)
class Event:
    """A variable, perhaps with a value, perhaps in a world of its own: ``Y[A=1]=1``.

    Parameters
    ----------
    variable
        Its name.
    value
        None where the variable is free: one row per value.
    world
        The counterfactual subscript, from ``Held``, ``Free``, ``SetTo`` and ``Drawn``; empty: the
        world that the whole term is about.
    """

    variable: str
    value: State | None = None
    world: tuple[Intervention, ...] = ()


@dataclass(frozen=True, slots=True)
class Number:
    """A number that stands beside terms."""

    value: float


@dataclass(frozen=True, slots=True)
class Probability:
    """``P(outcomes | do(…), given)``."""

    outcomes: tuple[Event, ...]
    do: tuple[Intervention, ...] = ()
    given: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Expectation:
    """``E[outcome | do(…), given]``; the outcome has no value, but may have a subscript."""

    outcome: Event
    do: tuple[Intervention, ...] = ()
    given: tuple[Event, ...] = ()

    @property
    def outcomes(self) -> tuple[Event, ...]:
        """The outcome, in the form that ``Probability`` has."""
        return (self.outcome,)


@dataclass(frozen=True, slots=True)
class Named:
    """``PNS(A, Y | given)`` and its kin: see :mod:`umbel.model.named` for what they mean.

    Parameters
    ----------
    kind
        One of :data:`NAMED`.
    treatment, outcome
        Names of the two variables.
    given
        Conditions.
    """

    kind: str
    treatment: str
    outcome: str
    given: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassEffects:
    """``MTE(T, Y | U)``: the effect in each latent class, with the classes' probabilities."""

    treatment: str
    outcome: str
    latent: str


Term = Number | Probability | Expectation | Named | ClassEffects

NAMED = ("PNS", "PN", "PS", "ATE", "ETT")
"""The usual quantities with a name, each of a treatment and an outcome."""

OF_MEANS = ("ATE", "ETT")
"""Those of a mean: the outcome may have any numbers; the others need two states of it."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """One quantity over another."""

    numerator: Body
    denominator: Body


@dataclass(frozen=True, slots=True)
class Combination:
    """A sum of multiples of different terms; build it with :func:`combine`.

    Parameters
    ----------
    parts
        Pairs of a coefficient, not 0, and a term or ratio; a number stands last, with coefficient 1.
    """

    parts: tuple[tuple[float, Term | Ratio], ...]


@dataclass(frozen=True, slots=True)
class Best:
    """``max[k1, k2] …``: the largest value that the body takes over its parameters."""

    parameters: tuple[str, ...]
    body: Body


Plain = Term | Ratio | Combination
"""What a question may weigh and add."""

Body = Plain | Best


def combine(parts: Iterable[tuple[float, Plain]]) -> Plain:
    """Sum of multiples in its one form: equal terms merged, zeros dropped, the number last.

    Examples
    --------
    >>> y = Expectation(Event("Y"))
    >>> combine([(2.0, y), (-1.0, y), (1.0, Number(0.0))]) == y
    True
    """
    weights: dict[Term | Ratio, float] = {}
    number = 0.0
    for weight, part in parts:
        inner = part.parts if isinstance(part, Combination) else ((1.0, part),)
        for coefficient, term in inner:
            if isinstance(term, Number):
                number += weight * coefficient * term.value
            else:
                weights[term] = weights.get(term, 0.0) + weight * coefficient
    kept = [(weight, term) for term, weight in weights.items() if weight]
    if not kept:
        return Number(number)
    if number:
        return Combination((*kept, (1.0, Number(number))))
    return kept[0][1] if len(kept) == 1 and kept[0][0] == 1 else Combination(tuple(kept))


def terms_of(body: Body) -> Iterator[Term]:
    """Terms of a body from left to right, numbers left out; one may come twice."""
    match body:
        case Number():
            return
        case Ratio(numerator, denominator):
            yield from terms_of(numerator)
            yield from terms_of(denominator)
        case Combination(parts):
            for _, part in parts:
                yield from terms_of(part)
        case Best(_, inner):
            yield from terms_of(inner)
        case Probability() | Expectation() | Named() | ClassEffects():
            yield body
        case _:
            assert_never(body)


def _names_of_intervention(intervention: Intervention) -> Iterator[str]:
    match intervention:
        case SetTo(event):
            yield from names_of_event(event)
        case Drawn(name, law):
            yield name
            yield from law.reads
        case Realised(name, _, by):
            yield name
            yield from parts_of(by)
            if isinstance(by, Natural):
                yield from by.given
        case Held(name) | Free(name):
            yield name
        case _:
            assert_never(intervention)


def names_of_event(event: Event) -> Iterator[str]:
    """Names that an event reads: its variable, then those of its world."""
    yield event.variable
    for intervention in event.world:
        yield from _names_of_intervention(intervention)


def names_of_term(term: Term) -> Iterator[str]:
    """Names that a term reads, parameters of ``max[…]`` included; one may come twice."""
    match term:
        case Number():
            return
        case Probability() | Expectation():
            for event in term.outcomes:
                yield from names_of_event(event)
            for intervention in term.do:
                yield from _names_of_intervention(intervention)
        case Named():
            yield from (term.treatment, term.outcome)
        case ClassEffects():
            yield from (term.treatment, term.outcome, term.latent)
        case _:
            assert_never(term)
    if not isinstance(term, ClassEffects):
        for event in term.given:
            yield from names_of_event(event)


def settings_of(term: Probability | Expectation) -> Iterator[Intervention]:
    """Everything that ``do`` or a subscript sets, nested ones included, from left to right."""
    yield from term.do
    for event in (*term.outcomes, *term.given):
        yield from _settings_of_event(event)


def _settings_of_event(event: Event) -> Iterator[Intervention]:
    for item in event.world:
        yield item
        if isinstance(item, SetTo):
            yield from _settings_of_event(item.event)


def parameters_of(term: Term) -> Iterator[str]:
    """Names that a term's families read, where a parameter of ``max[…]`` may stand."""
    if isinstance(term, Probability | Expectation):
        for item in term.do:
            if isinstance(item, Drawn) and isinstance(item.law, Family):
                yield from item.law.reads


@dataclass(frozen=True, slots=True)
class Question:
    """A causal question: its text as it was asked, and its body. Equal bodies make equal questions.

    Parameters
    ----------
    text
        As it was asked.
    body
        A term, a combination of terms, a ratio, or the best of a family of policies.

    Examples
    --------
    >>> question = Question.parse("E[Y | do(A=1)] - E[Y | do(A=0)]")
    >>> question.is_counterfactual, question.names()
    (False, ('Y', 'A'))
    """

    text: str = field(compare=False)
    body: Body

    @staticmethod
    def parse(text: str) -> Question:
        """Read question text.

        Raises
        ------
        GrammarError
            With line, column, the word and what was possible.

        Examples
        --------
        >>> print(Question.parse("P( Y|do( A ) )"))
        P(Y | do(A))
        """
        from umbel.model.parse import parse_question

        return parse_question(text)

    @staticmethod
    def of(body: Body) -> Question:
        """The question with this body; its text is the canonical one.

        Examples
        --------
        >>> Question.of(Probability((Event("Y"),), (Free("A"),))).text
        'P(Y | do(A))'
        """
        from umbel.model.render import body_text

        return Question(body_text(body), body)

    def __repr__(self) -> str:
        return f"Question.parse({str(self)!r})"

    def __str__(self) -> str:
        from umbel.model.render import body_text

        return body_text(self.body)

    def terms(self) -> tuple[Term, ...]:
        """The distinct terms, in order of appearance."""
        return tuple(dict.fromkeys(terms_of(self.body)))

    def names(self) -> tuple[str, ...]:
        """The distinct variables that the question reads, in order of appearance."""
        found = dict.fromkeys(name for term in terms_of(self.body) for name in names_of_term(term))
        return tuple(name for name in found if name not in self.parameters)

    @property
    def parameters(self) -> tuple[str, ...]:
        """What ``max[k1, k2]`` names: no variables of the graph."""
        return self.body.parameters if isinstance(self.body, Best) else ()

    @property
    def is_counterfactual(self) -> bool:
        """Whether any term speaks of more than one world: a subscript, or PNS, PN, PS."""
        return any(_is_counterfactual(term) for term in terms_of(self.body))


def _is_counterfactual(term: Term) -> bool:
    match term:
        case Probability() | Expectation():
            return any(event.world for event in (*term.outcomes, *term.given))
        case Named(kind):
            return kind != "ATE" or any(event.world for event in term.given)
        case Number() | ClassEffects():
            return False
        case _:
            assert_never(term)
