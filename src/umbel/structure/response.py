"""Canonical exogenous variables: a graph of discrete variables as components of response functions.

A hidden cause of a discrete variable matters only through the function from parents to values
that it selects (Balke and Pearl, UAI 1994; the "conservative specification" of Zaffalon,
Antonucci and Cabañas, PGM 2020). Variables of one district (c-component) share one joint law of
their functions. Where hidden causes join a district pairwise, that law obeys further constraints
which are not linear: leaving them out keeps every bound valid, and the component says so.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from umbel.errors import ProblemError, QuestionError, shown
from umbel.graph.mixed import Graph, bits
from umbel.graph.surgery import project
from umbel.graph.walks import closure, districts, topological_order
from umbel.model.equations import Equation, Equations
from umbel.model.programme import Component, Function, Mechanism
from umbel.structure.covariates import settings, without
from umbel.variable import Domain

MOST_FUNCTIONS = 70_000
MOST_STATES = 1 << 20


@dataclass(frozen=True, slots=True)
class ResponseModel:
    """Every component of a graph.

    Parameters
    ----------
    graph
        The visible variables, in topological order.
    domains
        Their states.
    components
        In the order of their first variables.
    remarks
        Assumptions that this form does not use, in the user's words; then bounds are outer.
    """

    graph: Graph
    domains: tuple[Domain, ...]
    components: tuple[Component, ...]
    remarks: tuple[str, ...] = ()


class TooManyFunctions(QuestionError):
    """A component has more joint response functions than memory holds."""


def response_model(
    graph: Graph, domains: Mapping[str, Domain], needed: int, equations: Equations | None = None
) -> ResponseModel:
    """The components that hold ancestors of what is asked.

    Parameters
    ----------
    graph
        Flat: no plates, undirected edges, networks or aggregates.
    domains
        States of every visible variable that a needed component reads.
    needed
        Mask of what is asked, in ``graph``; components without an ancestor of it are left out.
    equations
        Given structural equations; a variable without one has all response functions.

    Raises
    ------
    TooManyFunctions
        For a component with more response functions than memory holds: its size, the limit, and
        what would make it smaller.

    Examples
    --------
    >>> two = Domain.of_size(2)
    >>> model = response_model(Graph.parse("A -> Y; A <-> Y"), {"A": two, "Y": two}, 0b11)
    >>> [component.size for component in model.components]
    [8]
    """
    frame = response_frame(graph, domains, equations)
    visible, known = frame.graph, frame.domains
    found = [
        _component(graph, visible, known, members, equations) for members in relevant(frame, graph, needed, equations)
    ]
    return ResponseModel(visible, known, tuple(found), frame.remarks)


def response_frame(graph: Graph, domains: Mapping[str, Domain], equations: Equations | None = None) -> ResponseModel:
    """The visible variables and their states, no component listed yet."""
    projection = project(graph)
    visible = _sorted(projection.graph)
    known = tuple(domains.get(name) or Domain.of_size(2) for name in visible.names)
    if equations is not None:
        _fit(visible, equations, known)
    return ResponseModel(visible, known, (), _unused(graph, bool(projection.lost.monotone)))


def relevant(frame: ResponseModel, graph: Graph, needed: int, equations: Equations | None = None) -> tuple[int, ...]:
    """Masks of the components that hold ancestors of what is asked, in the order of their first variables."""
    visible = frame.graph
    wanted = visible.mask(name for name in graph.names_of(needed) if name in visible.names)
    causes = closure(wanted, visible.parents, visible.everything)
    return tuple(members for members in _partition(visible, equations) if members & causes)


def split_model(frame: ResponseModel, graph: Graph, needed: int, splits: Mapping[int, int]) -> ResponseModel:
    """The components, those that are split once for each value of their covariates.

    Parameters
    ----------
    frame, graph, needed
        As for :func:`response_model`.
    splits
        Covariates of split components, by the components' members.

    Raises
    ------
    TooManyFunctions
        For a component that is too large as it is.
    """
    visible, known = frame.graph, frame.domains
    found: list[Component] = []
    for members in relevant(frame, graph, needed):
        covariate = splits.get(members, 0)
        one = _component(graph, without(visible, members, covariate), known, members, None)
        found += [replace(one, given=given) for given in settings(known, covariate)]
    return ResponseModel(visible, known, tuple(found), frame.remarks)


def functions_at_least(frame: ResponseModel, members: int) -> int:
    """How many joint response functions a component without equations has at least; no list is made."""
    count = 1
    for node in bits(members):
        if not any(child == node for _, child in frame.graph.facts.monotone):
            width = math.prod(len(frame.domains[parent]) for parent in bits(frame.graph.parents[node]))
            count *= len(frame.domains[node]) ** min(width, 64)
    return count


def _sorted(graph: Graph) -> Graph:
    """The same graph with its nodes in topological order."""
    order = topological_order(graph)
    place = {node: at for at, node in enumerate(order)}

    def moved(mask: int) -> int:
        return sum(1 << place[node] for node in bits(mask))

    facts = graph.facts
    monotone = tuple((place[a], place[b]) for a, b in facts.monotone)
    return Graph(
        tuple(graph.names[node] for node in order),
        tuple(moved(graph.parents[node]) for node in order),
        tuple(moved(graph.siblings[node]) for node in order),
        (0,) * len(order),
        facts=type(facts)(monotone=monotone),
    )


def _unused(graph: Graph, lost: bool) -> tuple[str, ...]:
    remarks = []
    if lost:
        remarks.append("A monotone effect of or on a hidden variable is not used: the bounds hold without it.")
    if graph.facts.classes:
        remarks.append("The declared number of latent classes is not used: the bounds hold without it.")
    if graph.facts.shared & ~graph.latent:
        remarks.append("`assume shared` is not used: the bounds hold without it.")
    return tuple(remarks)


def _fit(graph: Graph, equations: Equations, domains: Sequence[Domain]) -> None:
    """Equations that read what the graph has no arrow for, or whose states differ, are errors."""
    exogenous = {name for name, _ in equations.exogenous}
    for name, size in equations.states:
        if name in graph.names and len(domains[graph.index(name)]) != size:
            found = len(domains[graph.index(name)])
            raise ProblemError(f"Equations give {shown(name)} {size} states; the graph and the data give it {found}.")
    for equation in equations.equations:
        node = graph.index(equation.variable)
        parents = graph.names_of(graph.parents[node])
        for one in equation.inputs:
            if one not in exogenous and one not in parents:
                raise ProblemError(
                    f"The equation of {shown(equation.variable)} reads {shown(one)}, which is no parent of it in the "
                    f"graph. Its parents: {', '.join(parents) or 'none'}."
                )


def _partition(graph: Graph, equations: Equations | None) -> Iterator[int]:
    """Masks of variables whose roots are read or distributed together."""
    if equations is None:
        yield from sorted(districts(graph), key=lambda mask: mask & -mask)
        return
    step = []
    exogenous = {name for name, _ in equations.exogenous}
    given = [equations.of(name) for name in graph.names]
    for node, own in enumerate(given):
        linked = 1 << node
        for other, its in enumerate(given):
            if own is not None and its is not None:
                shares = bool(set(own.inputs) & set(its.inputs) & exogenous)
            else:
                shares = bool(graph.siblings[node] >> other & 1)
            linked |= shares << other
        step.append(linked)
    left = graph.everything
    while left:
        members = closure(left & -left, step, graph.everything)
        yield members
        left &= ~members


def _component(
    whole: Graph, graph: Graph, domains: tuple[Domain, ...], members: int, equations: Equations | None
) -> Component:
    nodes = tuple(bits(members))
    exogenous = dict(equations.exogenous) if equations else {}
    given = {node: equations.of(graph.names[node]) if equations else None for node in nodes}
    named = dict.fromkeys(one for its in given.values() if its for one in its.inputs if one in exogenous)
    place = {name: at for at, name in enumerate(named)}
    roots = [exogenous[name] for name in named]
    mechanisms = []
    least = math.prod(_least(graph, domains, node) for node in nodes if given[node] is None)
    _refuse_large(graph, members, math.prod(roots) * least)
    for node in nodes:
        parents = tuple(bits(graph.parents[node]))
        its = given[node]
        if its is not None:
            mechanisms.append(_given(graph, domains, node, parents, its, place, exogenous))
            continue
        functions = tuple(_functions(graph, domains, node, parents))
        mechanisms.append(Mechanism(node, parents, (len(roots),), functions))
        roots.append(len(functions))
    free = len(roots) > len(named)
    everything = tuple(range(len(roots)))
    groups = (everything,) if free or not roots else tuple((root,) for root in everything)
    exact = (len(named) <= 1 or not free) and (not free or _covered(whole, graph, members))
    component = Component(tuple(mechanisms), tuple(roots), groups, exact)
    _refuse_large(graph, members, component.size)
    return component


def _least(graph: Graph, domains: tuple[Domain, ...], node: int) -> int:
    """A number of response functions that a variable has at least, told without listing them."""
    if any(child == node for _, child in graph.facts.monotone):
        return 1
    parents = list(bits(graph.parents[node]))
    states, width = len(domains[node]), math.prod(len(domains[parent]) for parent in parents)
    if states**width > MOST_FUNCTIONS:
        names = ", ".join(graph.names[parent] for parent in parents)
        raise TooManyFunctions(
            f"{graph.names[node]} has {states} states and {width} configurations of its parents ({names}): more than "
            f"{MOST_FUNCTIONS:,} response functions. Fewer states, `assume monotone`, or an equation make them fewer."
        )
    return int(states**width)


def _refuse_large(graph: Graph, members: int, size: int) -> None:
    if size > MOST_STATES:
        names, count = ", ".join(graph.names_of(members)), f"{size:,}" if size < 10**15 else "very many"
        raise TooManyFunctions(
            f"{{{names}}} share hidden causes with {count} joint response functions, more than "
            f"{MOST_STATES:,}. Fewer states or parents, `assume monotone`, or given equations make them fewer."
        )


def _given(
    graph: Graph,
    domains: tuple[Domain, ...],
    node: int,
    parents: tuple[int, ...],
    equation: Equation,
    place: Mapping[str, int],
    exogenous: Mapping[str, int],
) -> Mechanism:
    """An equation as one function of the parents for each joint state of its exogenous inputs."""
    hidden = [name for name in equation.inputs if name in exogenous]
    sizes = [exogenous.get(name) or len(domains[graph.index(name)]) for name in equation.inputs]
    strides = [math.prod(sizes[at + 1 :]) for at in range(len(sizes))]
    stride = dict(zip(equation.inputs, strides, strict=True))
    over = [len(domains[parent]) for parent in parents]
    functions = []
    for state in itertools.product(*(range(exogenous[name]) for name in hidden)):
        start = sum(code * stride[name] for code, name in zip(state, hidden, strict=True))
        function = [
            equation.values[
                start + sum(code * stride.get(graph.names[p], 0) for code, p in zip(values, parents, strict=True))
            ]
            for values in itertools.product(*map(range, over))
        ]
        functions.append(tuple(function))
    return Mechanism(node, parents, tuple(place[name] for name in hidden), tuple(functions))


def _functions(graph: Graph, domains: tuple[Domain, ...], node: int, parents: tuple[int, ...]) -> Iterator[Function]:
    """All functions from parents to values that keep the declared directions, in lexical order."""
    sizes = [len(domains[parent]) for parent in parents]
    width, states = math.prod(sizes), len(domains[node])
    rising = [at for at, parent in enumerate(parents) if (parent, node) in graph.facts.monotone]
    strides = [math.prod(sizes[at + 1 :]) for at in range(len(sizes))]
    below = [[c - strides[at] for at in rising if c // strides[at] % sizes[at]] for c in range(width)]
    count = 0
    stack: list[Function] = [()]
    while stack:  # depth first; the next configuration is bounded by those just below it
        function = stack.pop()
        if len(function) == width:
            count += 1
            if count > MOST_FUNCTIONS:
                raise TooManyFunctions(
                    f"{graph.names[node]} has more than {MOST_FUNCTIONS:,} response functions. Fewer states or an "
                    "equation make them fewer."
                )
            yield function
            continue
        least = max((function[c] for c in below[len(function)]), default=0)
        stack.extend((*function, value) for value in range(states - 1, least - 1, -1))


def _covered(whole: Graph, graph: Graph, members: int) -> bool:
    """Whether one hidden cause reaches every member, so that their functions have any joint law."""
    if members.bit_count() <= 2:
        return True
    for root in bits(whole.latent):
        reached = closure(1 << root, [child & whole.latent for child in whole.children], whole.everything)
        seen = 0
        for hidden in bits(reached):
            seen |= whole.children[hidden]
        names = set(whole.names_of(seen & ~whole.latent))
        if names >= set(graph.names_of(members)):
            return True
    return False
