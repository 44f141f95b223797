"""What more knowledge may do to a verdict about plates, and in which words it speaks.

Facts travel or are refused; measuring never costs an answer, an edge never brings one; steps,
certificates and remedies name the user's variables; a "no" says that it is one by this route.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles.nested.draw import Case, random_case
from umbel.graph.mixed import bits
from umbel.graph.parse import parse_graph
from umbel.identification.ask import identify_question
from umbel.model.query import Question
from umbel.results.verdict import Identified, Unidentified, Verdict

EXAMPLES = 40
SEEDS = st.integers(0, 10**6)


def drawn(seed: int, *, plain: bool = False) -> tuple[Case, Verdict]:
    case = random_case(random.Random(seed), plain=plain)
    return case, identify_question(case.graph, Question.parse(case.question))


@settings(max_examples=EXAMPLES)
@given(SEEDS)
def test_facts_that_add_no_determinism_change_nothing(seed: int) -> None:
    """``states``, ``monotone`` and ``classes`` are carried; the verdict does not depend on them."""
    case, verdict = drawn(seed)
    tail, head = next(iter(re.findall(r"(\w+) -> (\w+)", case.text)))
    hidden = case.graph.names_of(case.graph.latent)[-1]
    said = f"{case.text}; states {case.outcome} = 2; assume monotone {tail} -> {head}; classes {hidden} = 2"
    told = identify_question(parse_graph(said), Question.parse(case.question))
    assert told.identified == verdict.identified
    if isinstance(verdict, Identified) and isinstance(told, Identified):
        assert told.estimand.text() == verdict.estimand.text()


@settings(max_examples=EXAMPLES)
@given(SEEDS)
def test_a_shared_law_is_noise_for_nobody(seed: int) -> None:
    """Where an instrument's law is the same in all units, what needed it to vary is refused."""
    case, verdict = drawn(seed, plain=True)
    graph = case.graph
    if not isinstance(verdict, Identified) or "Z" not in graph.names:
        return
    told = identify_question(parse_graph(f"{case.text}; assume shared Z"), Question.parse(case.question))
    if told.identified:
        assert isinstance(told, Identified)
        hidden = told.proof.roads[0].lowerings[0].record.hidden if told.proof.roads[0].lowerings else 0
        assert not hidden or hidden != 1 << graph.index("Z")


@settings(max_examples=EXAMPLES)
@given(SEEDS)
def test_measuring_a_latent_never_costs_an_answer(seed: int) -> None:
    case, verdict = drawn(seed)
    if verdict.identified:
        graph = case.graph
        for node in bits(graph.latent):
            measured = replace(graph, latent=graph.latent & ~(1 << node))
            assert identify_question(measured, Question.parse(case.question)).identified, graph.names[node]


@settings(max_examples=EXAMPLES)
@given(SEEDS)
def test_an_edge_never_brings_an_answer(seed: int) -> None:
    """But an instrument's own: it is no restriction to have one, it is variation (Assumption 6)."""
    case, verdict = drawn(seed)
    if not isinstance(verdict, Identified):
        return
    varied = any(step.rule == "marginalise" for step in verdict.steps)
    for tail, mark, head in re.findall(r"(\w+) (->|<->) (\w+)", case.text):
        fewer = parse_graph(case.text.replace(f"; {tail} {mark} {head}", "", 1))
        if set(fewer.names) != set(case.graph.names) or tail in case.reads:
            continue
        graph = case.graph
        inside = graph.plate_of[graph.index(tail)] >= 0 and graph.plate_of[graph.index(head)] >= 0
        if not (varied and inside):
            assert identify_question(fewer, Question.parse(case.question)).identified, (tail, mark, head)


WORDS = re.compile(r'"[^"]*"|[\w.]+')
OURS = frozenset(["Q", "P", "do", "q", "δ"])


@settings(max_examples=2 * EXAMPLES)
@given(SEEDS)
def test_everything_said_is_in_the_users_words(seed: int) -> None:
    """Steps, certificates and remedies name variables of the user's graph, and no made-up node."""
    case, verdict = drawn(seed)
    names = set(case.graph.names)
    said = [step.detail for step in getattr(verdict, "steps", ())] + list(getattr(verdict, "remarks", ()))
    if isinstance(verdict, Unidentified):
        said += [verdict.certificate.text, *verdict.remedies]
    if isinstance(verdict, Identified):
        said += [verdict.estimand.text(), *(requirement.text for requirement in verdict.estimand.requirements())]
    for text in said:
        assert '"' not in text, text
        capitals = {word for word in WORDS.findall(text) if re.fullmatch(r"[A-Z]\w?", word)}
        assert capitals <= names | OURS | {"A"}, (text, capitals - names)


@settings(max_examples=EXAMPLES)
@given(SEEDS)
def test_a_no_is_a_no_by_this_route(seed: int) -> None:
    """The lowering is not complete, and says so; its hedges pass the independent checker."""
    case, verdict = drawn(seed)
    if isinstance(verdict, Unidentified):
        assert verdict.certificate.kind == "route"
        assert "not complete" in verdict.certificate.text
        if verdict.proof.roads[0].flat and verdict.proof.roads[0].flat.hedges:
            assert verdict.verify()
        for remedy in verdict.remedies:
            if remedy.startswith("measure "):
                name = remedy.removeprefix("measure ")
                graph = case.graph
                measured = replace(graph, latent=graph.latent & ~graph.mask([name]))
                assert identify_question(measured, Question.parse(case.question)).identified


def test_facts_outside_the_plate_travel() -> None:
    """Those about members stay with them: a class of members is no class of their laws."""
    graph = parse_graph(
        "plate s { A H Y }; latent U, H; U -> { A Y }; H -> { A B }; B -> Y; A -> { Y Z }; Z -> W -> Y; "
        "states W = 3; states A = 3; assume monotone Z -> W; assume monotone A -> Z; classes U = 2; classes H = 2"
    )
    verdict = identify_question(graph, Question.parse("P(Y | do(A ~ q))"))
    road = verdict.proof.roads[0] if isinstance(verdict, Identified | Unidentified) else None
    assert road is not None
    (lowering,) = road.lowerings
    lowered, facts = lowering.task.graph, lowering.task.graph.facts
    assert [(lowered.names[a], lowered.names[b]) for a, b in facts.monotone] == [("Z", "W")]
    assert [(lowered.names[node], k) for node, k in facts.classes] == [("U", 2)]
    assert [(lowered.names[node], len(domain)) for node, domain in facts.domains] == [("W", 3)]
