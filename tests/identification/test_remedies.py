"""Every remedy turns its verdict when a user follows it, and no single change that would is missing."""

from __future__ import annotations

import re

import numpy as np
import pytest

import umbel
from tests.oracles.flat.diagram import Diagram, random_diagram

Studies = list[umbel.Experiment]


def followed(diagram: Diagram, studies: Studies, remedy: str) -> tuple[umbel.Graph, Studies]:
    """The graph and the studies after somebody did what a remedy says."""
    hidden, arrows, arcs = set(diagram.latent), list(diagram.directed), list(diagram.bidirected)
    known = list(studies)
    if found := re.fullmatch(r"measure (\w+) in source (\d+)", remedy):
        at = int(found[2]) - 1
        old = known[at]
        shown = diagram.visible if old.observed is None else old.observed
        known[at] = umbel.Experiment(old.do, (*shown, found[1]), selected=old.selected)
        known = [umbel.Experiment(one.do, diagram.visible) if one.observed is None else one for one in known]
        hidden -= {found[1]}
    elif found := re.fullmatch(r"measure (\w+)", remedy):
        hidden -= {found[1]}
    elif found := re.fullmatch(r"randomise (\w+)", remedy):
        known.append(umbel.Experiment(found[1]))
    elif found := re.fullmatch(r"rule out the hidden cause of (\w+) and (\w+)", remedy):
        arcs = [arc for arc in arcs if set(arc) != {found[1], found[2]}]
    elif found := re.fullmatch(r"rule out that (\w+) acts on (\w+)", remedy):
        arrows = [arrow for arrow in arrows if arrow != (found[1], found[2])]
    else:
        raise AssertionError(f"a remedy that nobody can follow: {remedy}")
    latent = tuple(name for name in diagram.latent if name in hidden)
    return umbel.Graph.build(nodes=diagram.names, directed=arrows, bidirected=arcs, latent=latent), known


def candidates(diagram: Diagram, studies: Studies) -> list[str]:
    """Every single change there is, in the words of remedies."""
    found = [f"randomise {name}" for name in diagram.visible]
    pairs = [sorted(arc, key=diagram.names.index) for arc in diagram.bidirected]
    found += [f"rule out the hidden cause of {a} and {b}" for a, b in pairs]
    found += [f"rule out that {a} acts on {b}" for a, b in diagram.directed if a in diagram.latent]
    if len(studies) == 1:
        return found + [f"measure {name}" for name in diagram.latent]
    return found + [f"measure {name} in source {at + 1}" for name in diagram.latent for at in range(len(studies))]


KINDS = {
    "effect": "P({y} | do({x}))",
    "conditional": "P({y} | do({x}), {z})",
    "contrast": "E[{y} | do({x}=1)] - E[{y} | do({x}=0)]",
    "policy": "P({y} | do({x} ~ q({z})))",
    "on the treated": "P({y}[{x}=1]=1 | {x}=0)",
    "nested": "E[{y}[{x}=1, {z}[{x}=0]]]",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("several", [False, True], ids=["one study", "several"])
def test_remedies_are_the_changes_that_help(kind: str, several: bool) -> None:
    rng = np.random.default_rng([41, list(KINDS).index(kind), several])
    seen = helped = 0
    while seen < 25:
        diagram = random_diagram(rng, int(rng.integers(3, 6)), int(rng.integers(0, 3)))
        x, y, z = (str(name) for name in rng.permutation(diagram.visible)[:3])
        if kind == "policy" and z in diagram.descendants(x):
            continue
        studies = [umbel.Experiment()]
        if several:
            studies.append(umbel.Experiment(str(rng.choice(diagram.visible))))
        text = KINDS[kind].format(x=x, y=y, z=z)
        try:
            verdict = umbel.identify(diagram.graph(), text, studies)
        except umbel.QuestionError:
            continue  # a nested term that is none
        if not isinstance(verdict, umbel.Unidentified | umbel.Bounded):
            continue
        seen += 1
        conflicts = [one for worlds in (verdict.proof.worlds if verdict.proof else ()) for one in worlds.conflicts]
        if any(len(one.path) == 1 for one in conflicts):
            assert verdict.remedies == ()
            continue
        turned = []
        for change in candidates(diagram, studies):
            graph, known = followed(diagram, studies, change)
            if umbel.identify(graph, text, known).identified:
                turned.append(change)
        helped += bool(turned)
        assert set(verdict.remedies) <= set(turned), (diagram, text, studies)
        assert set(turned) <= set(verdict.remedies), (diagram, text, studies)
        order = ["measure", "randomise", "rule out"]
        said = [next(i for i, word in enumerate(order) if remedy.startswith(word)) for remedy in verdict.remedies]
        assert said == sorted(said)
    assert helped >= 5


def test_a_study_that_missed_a_variable() -> None:
    diagram = Diagram(("X", "M", "Y"), (("X", "M"), ("M", "Y")), (("X", "Y"), ("M", "Y")))
    studies = [umbel.Experiment("X", "M"), umbel.Experiment()]
    verdict = umbel.identify(diagram.graph(), "P(Y | do(X))", studies)
    assert isinstance(verdict, umbel.Unidentified)
    assert verdict.remedies[0] == "measure Y in source 1"
    for remedy in verdict.remedies:
        graph, known = followed(diagram, studies, remedy)
        assert umbel.identify(graph, "P(Y | do(X))", known).identified


def test_nested_questions() -> None:
    graph = "plate pupil { A Y }; latent U; U -> { A Z Y }; A -> { Z Y }; Z -> Y"
    verdict = umbel.identify(graph, "E[Y | do(A ~ q)]")
    assert isinstance(verdict, umbel.Unidentified)
    assert "measure U" in verdict.remedies and "randomise each unit's share of A" in verdict.remedies
    assert umbel.identify(graph.replace("latent U", "U"), "E[Y | do(A ~ q)]").identified
    shares = umbel.Experiment("A", assigned="school")
    assert umbel.identify(graph, "E[Y | do(A ~ q)]", [umbel.Experiment(), shares]).identified


def test_names_that_need_quotes_can_be_followed() -> None:
    verdict = umbel.identify('"Birth weight" -> Y; "Birth weight" <-> Y', 'P(Y | do("Birth weight"))')
    assert isinstance(verdict, umbel.Unidentified)
    assert verdict.remedies == ('randomise "Birth weight"', 'rule out the hidden cause of "Birth weight" and Y')


def test_two_worlds_of_one_unit_have_no_remedy() -> None:
    verdict = umbel.identify("X -> Y", "PNS(X, Y)")
    assert isinstance(verdict, umbel.Bounded)
    assert verdict.remedies == ()
