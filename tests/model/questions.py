"""Random questions in their one form, for the tests of the question language."""

from __future__ import annotations

from hypothesis import strategies as st

from umbel.model.formula import (
    COMPARISONS,
    FUNCTIONS,
    Apply,
    Chain,
    Compare,
    Constant,
    Covariate,
    Formula,
    Negative,
    reads,
)
from umbel.model.policy import Family, Levers, Natural, Perfect, Point, Policy, Realisation, Shift, Unspecified
from umbel.model.query import (
    NAMED,
    Best,
    Body,
    ClassEffects,
    Combination,
    Drawn,
    Event,
    Expectation,
    Free,
    Held,
    Intervention,
    Named,
    Number,
    Probability,
    Question,
    Ratio,
    Realised,
    SetTo,
    Term,
    combine,
    parameters_of,
    terms_of,
)
from umbel.variable import State

KEYWORDS = ("P", "E", "do", "max", "q", "by", "natural", "shift", "true", "false", "PNS", "MTE", "exp", "Bernoulli")
VISIBLE = st.characters(exclude_categories=["Cs", "Cc", "Cf"])

names = (
    st.sampled_from(("A", "B", "X", "Y", "M.near", "größe", *KEYWORDS))
    | st.text(VISIBLE, min_size=1, max_size=6)
    | st.sampled_from(("Birth weight", 'say "hi"', "a\\b", "a\nb", "2X", "-", "A|B", "do(A)", " "))
)
finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.integers() | st.integers(-(10**299), 10**299) | finite
values: st.SearchStrategy[State] = (
    st.booleans() | numbers | st.text(VISIBLE, max_size=6) | st.sampled_from(("F", "a b"))
)


def distinct_names(least: int = 1, most: int = 3) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(names, min_size=least, max_size=most, unique=True).map(tuple)


def _negatable(formula: Formula) -> bool:
    numeric = isinstance(formula, Constant) and not isinstance(formula.value, bool)
    return not numeric and not isinstance(formula, Negative)


def _larger(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
    def chain(signs: str) -> st.SearchStrategy[Formula]:
        rest = st.lists(st.tuples(st.sampled_from(signs), inner), min_size=1, max_size=3).map(tuple)
        return st.builds(Chain, inner, rest)

    sides = inner | st.text(VISIBLE, max_size=4).map(Constant)
    functions = st.sampled_from(sorted(FUNCTIONS)).flatmap(
        lambda name: st.builds(
            Apply,
            st.just(name),
            st.lists(inner, min_size=FUNCTIONS[name].least, max_size=FUNCTIONS[name].most or 3).map(tuple),
        )
    )
    return (
        chain("+-")
        | chain("*/")
        | st.builds(Negative, inner.filter(_negatable))
        | st.builds(Compare, inner, st.sampled_from(sorted(COMPARISONS)), sides)
        | functions
    )


leaves: st.SearchStrategy[Formula] = st.builds(Constant, numbers | st.booleans()) | st.builds(Covariate, names)
formulas: st.SearchStrategy[Formula] = st.recursive(leaves, _larger, max_leaves=6)
# A formula without covariates must be a valid parameter; those are drawn apart.
open_formulas = formulas.filter(lambda formula: bool(reads(formula)))
shares = st.floats(0, 1).map(Constant)

laws: st.SearchStrategy[Policy] = (
    st.builds(Unspecified, st.just("q"), distinct_names(0))
    | st.tuples(shares | open_formulas).map(lambda arguments: Family("Bernoulli", arguments))
    | st.lists(open_formulas, min_size=1, max_size=3).map(lambda some: Family("Categorical", (*some, Constant(0.5))))
    | st.tuples(numbers.map(Constant) | open_formulas, st.floats(1e-3, 1e3).map(Constant) | open_formulas).map(
        lambda arguments: Family("Normal", arguments)
    )
    | st.tuples(formulas | values.map(Constant)).map(lambda arguments: Family("Point", arguments))
)


def _pairs(items: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[tuple[str, object], ...]]:
    pairs = st.lists(st.tuples(names, items), min_size=1, max_size=3, unique_by=lambda pair: pair[0])
    return pairs.map(tuple)


realisations: st.SearchStrategy[Realisation] = (
    st.builds(Natural, distinct_names(0))
    | st.builds(Shift, _pairs(finite))
    | st.builds(Perfect, _pairs(finite))
    | st.builds(Point, _pairs(formulas))
    | st.builds(Levers, distinct_names())
)


def _once(items: st.SearchStrategy[Intervention], least: int) -> st.SearchStrategy[tuple[Intervention, ...]]:
    return st.lists(items, min_size=least, max_size=3, unique_by=lambda item: item.name).map(tuple)


simple: st.SearchStrategy[Intervention] = st.builds(Held, names, values) | st.builds(Free, names)
settings_inside: st.SearchStrategy[Intervention] = st.recursive(
    simple,
    lambda inner: st.builds(lambda name, world: SetTo(Event(name, None, world)), names, _once(inner, 1)),
    max_leaves=4,
)
worlds = _once(settings_inside, 1)
interventions = _once(
    simple | st.builds(Drawn, names, laws) | st.builds(Realised, names, st.none() | values, realisations), 0
)


@st.composite
def sides(draw: st.DrawFn, *, outcomes: bool) -> tuple[tuple[Event, ...], tuple[Intervention, ...], tuple[Event, ...]]:
    """Outcomes, do and conditions: every variable once in its world, and either do or subscripts."""
    world = st.just(()) | worlds
    events = draw(
        st.lists(
            st.builds(Event, names, st.none() | values, world),
            min_size=int(outcomes),
            max_size=4,
            unique_by=lambda event: (event.variable, event.world),
        )
    )
    counterfactual = any(event.world for event in events)
    do = () if counterfactual or not outcomes else draw(interventions)
    cut = draw(st.integers(1, len(events))) if outcomes else 0
    return tuple(events[:cut]), do, tuple(events[cut:])


@st.composite
def terms(draw: st.DrawFn) -> Term:
    kind = draw(st.sampled_from(("P", "E", "named", "MTE")))
    if kind == "MTE":
        return ClassEffects(*draw(st.tuples(names, names, names)))
    if kind == "named":
        return Named(draw(st.sampled_from(NAMED)), draw(names), draw(names), draw(sides(outcomes=False))[2])
    outcomes, do, given = draw(sides(outcomes=True))
    if kind == "P":
        return Probability(outcomes, do, given)
    first = Event(outcomes[0].variable, None, outcomes[0].world)
    return Expectation(first, do, given)


weights = st.sampled_from((1.0, -1.0, 2.0, -0.5, 1e-9, 1e20)) | st.floats(-1e6, 1e6)


@st.composite
def sums(draw: st.DrawFn, *, ratios: bool = True) -> Term | Ratio | Combination:
    parts: list[tuple[float, Term | Ratio]] = draw(
        st.lists(st.tuples(weights, terms() | st.builds(Number, weights)), min_size=1, max_size=3)
    )
    if ratios and draw(st.booleans()):
        above, below = draw(sums(ratios=False)), draw(sums(ratios=False))
        if above != below and above != Number(0.0) and not isinstance(below, Number):
            parts.insert(draw(st.integers(0, len(parts))), (draw(weights), Ratio(above, below)))
    return combine(parts)


@st.composite
def best(draw: st.DrawFn) -> Body:
    """A body with at least one law that reads parameters, and these."""
    law = draw(laws.filter(lambda law: isinstance(law, Family) and bool(law.reads)))
    treated = Expectation(Event(draw(names)), (Drawn(draw(names), law),))
    body = combine([(draw(weights), treated), (1.0, draw(sums()))])
    read = sorted({name for term in terms_of(body) for name in parameters_of(term)})
    if not read:  # the law has weight 0
        return treated
    return Best(tuple(draw(st.lists(st.sampled_from(read), min_size=1, max_size=2, unique=True))), body)


def questions() -> st.SearchStrategy[Question]:
    asks_something = sums().filter(lambda body: next(terms_of(body), None) is not None)
    return (asks_something | terms() | best()).map(Question.of)
