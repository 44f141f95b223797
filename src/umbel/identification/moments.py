"""Effects in latent classes, and averages over them: the class is promoted to a symbol, then unmixed.

The estimand reads the class as if it were observed; the views that recover its law come with it
(Mazaheri, Squires and Uhler, AISTATS 2025). What no pair of proxies can recover is not identified
by this route, with the edge that stands in the way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from umbel.expr.build import expectation, linear, product, total
from umbel.expr.estimand import Estimand
from umbel.expr.nodes import AtState, Expr, Held, Probability, Raw, Slot, Symbol
from umbel.expr.unmixing import Unmixing
from umbel.graph.mixed import Graph, bits
from umbel.graph.separation import m_separated
from umbel.graph.surgery import without_edges_out_of
from umbel.graph.walks import descendants
from umbel.identification.explain import assumptions_of
from umbel.model.formula import state_of
from umbel.model.policy import Family
from umbel.model.proof import Proof
from umbel.model.query import Body, ClassEffects, Combination, Drawn, Event, Expectation, Free, Question
from umbel.model.query import Held as Set
from umbel.model.query import Probability as Chance
from umbel.model.weights import FamilyLaw
from umbel.results.step import Refusal, Step
from umbel.results.verdict import Identified, Refused, Verdict
from umbel.structure.classes import NoRoles, Roles, factors_of, roles_of
from umbel.variable import State

LEVELS = {
    1: "effect given covariates",
    2: "full mixture",
    3: "mixture of treatment effects",
    4: "average effect",
}
"""The names of the levels. The first needs covariates that show the class, or leave no confounding, and then no class;
proxies reach the others, and of one row the probability of each class."""
STRATEGY = "latent classes"


@dataclass(frozen=True, slots=True)
class Contrast:
    """A combination of means under interventions: ``sum of weight * E[Y | do(T = state)]``.

    Parameters
    ----------
    treatment, outcome
        Names.
    terms
        Weights and states; empty: each state in turn.
    event
        The outcome's state, where probabilities are asked.
    given
        Conditions, each with its value or None for one row per value.
    """

    treatment: str
    outcome: str
    terms: tuple[tuple[float, State], ...]
    event: State | None = None
    given: tuple[tuple[str, State | None], ...] = ()


def class_effects(graph: Graph, question: Question, term: ClassEffects) -> Verdict:
    """``MTE(T, Y | U)``: one effect per class, with the classes' probabilities.

    Examples
    --------
    >>> graph = Graph.parse("U -> { Z X T Y }; Z -> T -> Y; classes U = 2")
    >>> verdict = class_effects(graph, question := Question.parse("MTE(T, Y | U)"), question.body)
    >>> print(verdict.estimand.text())
    E[Y | T = 1, U] - E[Y | T = 0, U]
    """
    states = dict(graph.facts.domains).get(graph.index(term.treatment))
    low, high = (states.states[0], states.states[-1]) if states else (0, 1)
    contrast = Contrast(term.treatment, term.outcome, ((1.0, high), (-1.0, low)))
    refusal = _unsupported(graph, contrast)
    if refusal is not None:
        return Refused(question, refusal)
    latent = graph.index(term.latent)
    found = roles_of(graph, latent, graph.index(term.treatment), graph.index(term.outcome), deepest=3)
    if isinstance(found, NoRoles):
        return _refused(question, found)
    return _identified(graph, question, contrast, found, by_class=True)


def average_over_classes(graph: Graph, question: Question, body: Body) -> Verdict | None:
    """An effect that only a latent class confounds, through the class; None where this route has no answer.

    Parameters
    ----------
    graph
        With at least one ``classes``.
    question
        What was asked, for the verdict.
    body
        The same, named quantities spelled out.
    """
    contrast = contrast_of(graph, body)
    if contrast is None or _unsupported(graph, contrast) is not None:
        return None
    deepest = 3 if contrast.given else 4
    for latent, _ in graph.facts.classes:
        found = roles_of(graph, latent, graph.index(contrast.treatment), graph.index(contrast.outcome), deepest=deepest)
        if not isinstance(found, Roles) or _too_small(graph, found):
            continue
        if contrast.given and (why := _unconditional(graph, contrast, found)) is not None:
            return _refused(question, why)
        return _identified(graph, question, contrast, found, by_class=False)
    return None


def contrast_of(graph: Graph, body: Body) -> Contrast | None:
    """The body as a combination of means of one outcome under one treatment; None when it is not."""
    parts = body.parts if isinstance(body, Combination) else ((1.0, body),)
    terms: list[tuple[float, State]] = []
    seen: set[tuple[str, str, State | None, frozenset[Event]]] = set()
    conditions: tuple[Event, ...] = ()
    for weight, part in parts:
        match part:
            case Expectation(outcome, (Set() | Free() | Drawn() as at,), given) if (
                not outcome.world and outcome.value is None
            ):
                event = None
            case Chance((outcome,), (Set() | Free() | Drawn() as at,), given) if (
                not outcome.world and outcome.value is not None
            ):
                event = outcome.value
            case _:
                return None
        if any(one.world for one in given):
            return None
        seen.add((at.name, outcome.variable, event, frozenset(given)))
        if isinstance(at, Set):
            terms.append((weight, at.value))
        elif isinstance(at, Drawn):
            chances = _chances(graph, at)
            if not chances:
                return None
            terms += [(weight * chance, state) for chance, state in chances]
        elif len(parts) > 1:
            return None
        conditions = given
    if len(seen) != 1:
        return None
    treatment, name, event, _ = next(iter(seen))
    return Contrast(treatment, name, tuple(terms), event, tuple((one.variable, one.value) for one in conditions))


def _chances(graph: Graph, drawn: Drawn) -> list[tuple[float, State]]:
    """The states that a law without covariates gives, with their probabilities; empty for another law."""
    law = drawn.law
    if not isinstance(law, Family) or law.reads or law.name == "Normal":
        return []
    domain = dict(graph.facts.domains).get(graph.index(drawn.name))
    if law.name == "Point":
        found = [(1.0, state_of(law.arguments[0], {}))]
    else:
        several = max(len(law.arguments), 2)
        states: tuple[State, ...] = domain.states if domain else tuple(range(several))
        of = FamilyLaw(law, f"{drawn.name} ~ {law.name}")
        found = [(of.weight(state, states, {}), state) for state in states]
    return [(chance, state) for chance, state in found if chance > 0]


def _unsupported(graph: Graph, contrast: Contrast) -> Refusal | None:
    involved = graph.mask((contrast.treatment, contrast.outcome))
    for latent, _ in graph.facts.classes:
        involved |= 1 << latent
    if any(graph.plate_of[node] >= 0 for node in bits(involved)):
        return Refusal(
            "Class effects of variables inside a plate are not answered yet.",
            "Ask about variables of the unit, or for the effect over all units: E[Y | do(A=1)].",
        )
    if any(graph.neighbours) or graph.crosses_members:
        return Refusal("Latent classes in equilibria and networks are not answered yet.", "Ask in a directed graph.")
    return None


def _identified(graph: Graph, question: Question, contrast: Contrast, roles: Roles, *, by_class: bool) -> Verdict:
    small = _too_small(graph, roles) or (_unmatched(graph, roles) if by_class else None)
    if small is not None:
        return _refused(question, small)
    latent = graph.names[roles.latent]
    count = dict(graph.facts.classes)[roles.latent]
    unmixing = Unmixing(
        latent,
        count,
        contrast.treatment,
        contrast.outcome,
        graph.names_of(roles.z),
        graph.names_of(roles.x),
        graph.names_of(roles.strata),
        factors_of(graph, roles),
        roles.level,
        contrast.terms,
        contrast.event,
        by_class,
        contrast.given,
    )
    domains = tuple((graph.names[node], domain.states) for node, domain in graph.facts.domains)
    body = _estimand(contrast, latent, unmixing.strata, by_class=by_class)
    turned = () if contrast.terms else (Symbol(Raw(contrast.treatment)),)
    axes = (*turned, *(Symbol(Raw(name)) for name, value in contrast.given if value is None))
    if by_class:
        axes = (Symbol(Raw(latent)),)
    plates = tuple(plate.name for plate in graph.plates)
    estimand = Estimand(body, axes, STRATEGY, plates, domains, unmixing)
    remarks = [f"Level {roles.level} of 4, {LEVELS[roles.level]}: {_why(graph, roles)}"]
    if contrast.given:
        remarks.append(_of_one_row(latent, contrast))
    promoted = replace(graph, latent=graph.latent & ~(1 << roles.latent))
    proof = Proof(promoted, ())
    return Identified(question, estimand, _steps(graph, roles), _assumptions(graph, unmixing), tuple(remarks), proof)


def _estimand(contrast: Contrast, latent: str, strata: tuple[str, ...], *, by_class: bool) -> Expr:
    """``sum_s P(s | u) E[Y | t, s, u]``, over the classes too where the average is asked.

    At values of ``given``, which hold the strata: ``sum_u P(u | given) E[Y | t, s, u]``.
    """
    u, y, t = Symbol(Raw(latent)), Symbol(Raw(contrast.outcome)), Symbol(Raw(contrast.treatment))
    held = {name: AtState(value) for name, value in contrast.given if value is not None}
    slots = {name: Held(Symbol(Raw(name)), held[name]) if name in held else Symbol(Raw(name)) for name in strata}
    within = tuple(Symbol(Raw(name)) for name in strata)
    parts = []
    settings: list[tuple[float, Slot]] = [(weight, Held(t, AtState(state))) for weight, state in contrast.terms]
    for weight, at in settings or [(1.0, t)]:
        if contrast.event is None:
            mean = expectation(y, Probability((y,), (at, *slots.values(), u)))
        else:
            mean = Probability((Held(y, AtState(contrast.event)),), (at, *slots.values(), u))
        if contrast.given:
            asked = tuple(
                Held(Symbol(Raw(name)), held[name]) if name in held else Symbol(Raw(name)) for name, _ in contrast.given
            )
            weights: Expr | None = Probability((u,), asked)
            bound: tuple[Symbol, ...] = (u,)
        else:
            weights = Probability((*within, u)) if not by_class else Probability(within, (u,)) if within else None
            bound = within if by_class else (*within, u)
        parts.append((weight, mean if weights is None else total(bound, product((weights, mean)))))
    return linear(parts)


def _unconditional(graph: Graph, contrast: Contrast, roles: Roles) -> NoRoles | None:
    """Why an effect at values of some variables is no mean over their classes."""
    names = [name for name, _ in contrast.given]
    given, listed = graph.mask(names), ", ".join(names)
    below = given & descendants(graph, 1 << roles.treatment)
    if below:
        after = ", ".join(graph.names_of(below))
        return NoRoles(f"{after} is an effect of {contrast.treatment}.", "Condition on what comes before it.")
    beside = given & ~(roles.z | roles.x | roles.strata)
    if beside:
        z, x = ", ".join(graph.names_of(roles.z)), ", ".join(graph.names_of(roles.x))
        others = ", ".join(graph.names_of(beside))
        return NoRoles(f"{others} is no proxy of {graph.names[roles.latent]} here ({z}; {x}).", "Condition on those.")
    if roles.strata & ~given:
        missing = ", ".join(graph.names_of(roles.strata & ~given))
        return NoRoles(f"Classes are found within values of {missing}.", f"Condition on {missing} too.")
    cut = without_edges_out_of(graph, 1 << roles.treatment)
    held = given | roles.strata | 1 << roles.latent
    if not m_separated(cut, 1 << roles.treatment, 1 << roles.outcome, held):
        return NoRoles(
            f"Given {listed}, {contrast.treatment} and {contrast.outcome} are confounded beyond the class.",
            "Condition on fewer variables.",
        )
    return None


def _too_small(graph: Graph, roles: Roles) -> NoRoles | None:
    """Declared states that cannot carry the declared number of classes."""
    count = dict(graph.facts.classes)[roles.latent]
    domains = dict(graph.facts.domains)
    for side, mask in (("Z", roles.z), ("X", roles.x)):
        if count is None or any(node not in domains for node in bits(mask)):
            continue
        states = 1
        for node in bits(mask):
            states *= len(domains[node])
        if states < count:
            names = ", ".join(graph.names_of(mask))
            return NoRoles(
                f"{names} ({side} side) has {states} states together, and {graph.names[roles.latent]} {count} classes: "
                "each side needs as many states as there are classes.",
                "Measure another proxy on that side, or declare fewer classes.",
            )
    return None


def _unmatched(graph: Graph, roles: Roles) -> NoRoles | None:
    """Strata that every proxy and the outcome read: classes are found in each, and nothing says which is which."""
    treatment = graph.names[roles.treatment]
    views = [one for one in factors_of(graph, roles) if treatment not in one.of]
    for name in graph.names_of(roles.strata):
        if all(name in one.given for one in views):
            u = graph.names[roles.latent]
            return NoRoles(
                f"Classes of {u} are found within each value of {name}, and no proxy says which class of one value is "
                f"which of another: all of them and {graph.names[roles.outcome]} depend on {name} given {u}.",
                f"Measure a proxy of {u} that does not depend on {name}, or ask for the average effect.",
            )
    return None


def _refused(question: Question, why: NoRoles) -> Refused:
    """A refusal and no "not identified": that other routes fail as well is not proved."""
    return Refused(question, Refusal(f"Not identified by this route. {why.why}", why.advice))


def _steps(graph: Graph, roles: Roles) -> tuple[Step, ...]:
    u, t, y = (graph.names[node] for node in (roles.latent, roles.treatment, roles.outcome))
    z, x = ", ".join(graph.names_of(roles.z)), ", ".join(graph.names_of(roles.x))
    held = "".join(f", {name}" for name in graph.names_of(roles.strata))
    tell = "tells" if roles.z.bit_count() == 1 else "tell"
    steps = [
        Step("promote", f"the class {u} is read as if it were observed"),
        Step("proxies", f"given {u}{held}: {z} {tell} nothing of {y} within arms, {x} nothing of {t}"),
        Step("proxies", f"given {u}{held}, {t}: {z} and {x} are independent"),
    ]
    if roles.level <= 3:
        steps.append(Step("unmix", f"operators of every arm share their eigenvectors, one per class of {u}"))
    else:
        steps.append(Step("bridge", f"a combination of {x} has the mean of {y} in every class and arm"))
    return tuple(steps)


def _why(graph: Graph, roles: Roles) -> str:
    z, x = ", ".join(graph.names_of(roles.z)), ", ".join(graph.names_of(roles.x))
    t, y = graph.names[roles.treatment], graph.names[roles.outcome]
    match roles.level:
        case 2:
            does = "does" if roles.z.bit_count() == 1 else "do"
            return f"{z} {does} not act on {t}, {x} not on {y}, so that three views are independent given the class."
        case 3:
            acts = "acts" if roles.x.bit_count() == 1 else "act"
            return f"{z} may act on {t}; {x} {acts} neither on {t} nor on {y}."
        case _:
            return f"{x} may act on {y}, so that only the mean of the class effects is identified, not their spread."


def _of_one_row(latent: str, contrast: Contrast) -> str:
    """What a personal answer is, and is not."""
    seen = ", ".join(name for name, _ in contrast.given)
    return (
        f"Level 1, {LEVELS[1]}, would need {seen} to show the class; they show it with probability "
        f"P({latent} | {seen}), and the numbers are what is to be expected under it."
    )


def _assumptions(graph: Graph, unmixing: Unmixing) -> tuple[str, ...]:
    u, t, y = unmixing.latent, unmixing.treatment, unmixing.outcome
    z, x = ", ".join(unmixing.z), ", ".join(unmixing.x)
    where = f" and {', '.join(unmixing.strata)}" if unmixing.strata else ""
    number = f"{u} has {unmixing.classes} classes" if unmixing.classes else f"The data show how many classes {u} has"
    found = [
        *assumptions_of(graph, (), worlds=True),
        f"{number}, and no other hidden variable joins {t}, {y}, {z} and {x}.",
        f"In each value of {t}{where}, {z} and {x} depend on each other through all classes of {u} (rank).",
        f"Every class of {u}{where} has members at each value of {t}.",
    ]
    if unmixing.level <= 3:
        found.append(f"No two classes of {u} have the same mean of {y} at every value of {t}.")
    return tuple(found)
