"""From a question to its estimand: contrasts, ratios, values and labels, against enumeration; and refusals."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from tests.oracles.flat.diagram import random_diagram, read
from tests.oracles.flat.engine import observed
from tests.oracles.flat.truth import World, random_world

EXACT = 1e-10
NAPKIN = "W->Z->X->Y;W<->X;W<->Y"
FRONT_DOOR = "X->Z->Y;X<->Y"
BACK_DOOR = "Z->X->Y;Z->Y"
GRAPHS = (NAPKIN, FRONT_DOOR, BACK_DOOR)


def value(graph: str, question: str, world: World) -> np.ndarray:
    verdict = umbel.identify(graph, question)
    assert verdict.identified
    assert verdict.verify()
    return verdict.estimand.evaluate(observed(world)).array


def mean(world: World, x: int) -> float:
    law = world.effect(["Y"], ["X"])[:, x]
    return float(law @ np.arange(len(law)))


@pytest.fixture(params=GRAPHS)
def posed(request: pytest.FixtureRequest, rng: np.random.Generator) -> tuple[str, World]:
    return request.param, random_world(read(request.param), rng, visible=(3,))


def test_a_value_and_every_value(posed: tuple[str, World]) -> None:
    graph, world = posed
    law = world.effect(["Y"], ["X"])
    assert np.abs(value(graph, "P(Y | do(X))", world) - law).max() < EXACT
    assert np.abs(value(graph, "P(Y | do(X=2))", world) - law[:, 2]).max() < EXACT
    assert abs(float(value(graph, "P(Y=1 | do(X=2))", world)) - law[1, 2]) < EXACT
    assert np.abs(value(graph, "P(Y=1 | do(X))", world) - law[1]).max() < EXACT
    assert np.abs(value(graph, "E[Y | do(X)]", world) - [mean(world, x) for x in range(3)]).max() < EXACT


def test_arithmetic_of_terms(posed: tuple[str, World]) -> None:
    graph, world = posed
    low, high = mean(world, 0), mean(world, 2)
    for question, wanted in [
        ("E[Y | do(X=2)] - E[Y | do(X=0)]", high - low),
        ("0.5*(E[Y | do(X=2)] + E[Y | do(X=0)])", (high + low) / 2),
        ("E[Y | do(X=2)] / E[Y | do(X=0)]", high / low),
        ("(E[Y | do(X=2)] - E[Y | do(X=0)]) / E[Y | do(X=0)]", (high - low) / low),
        ("E[Y | do(X=2)] / E[Y | do(X=0)] - E[Y | do(X=0)] / E[Y | do(X=2)]", high / low - low / high),
        ("1 - 2*E[Y | do(X=2)]", 1 - 2 * high),
        ("ATE(X, Y)", mean(world, 1) - low),
        ("E[Y | do(X=2)] - E[Y]", high - float(world.law(["Y"]) @ np.arange(3))),
    ]:
        assert float(value(graph, question, world)) == pytest.approx(wanted, abs=1e-9), question


def test_terms_with_axes_of_their_own(posed: tuple[str, World]) -> None:
    """A free value beside a fixed one: the number is subtracted from every row."""
    graph, world = posed
    found = value(graph, "E[Y | do(X)] - E[Y | do(X=0)]", world)
    assert np.abs(found - [mean(world, x) - mean(world, 0) for x in range(3)]).max() < EXACT


def test_labels(rng: np.random.Generator) -> None:
    world = random_world(read(BACK_DOOR), rng, visible=(2,))
    graph = BACK_DOOR + "; states X = { none < some }; states Y = { ill < well }"
    law = world.effect(["Y"], ["X"])
    risk = 'P(Y="well" | do(X="some")) - P(Y="well" | do(X="none"))'
    assert float(value(graph, risk, world)) == pytest.approx(law[1, 1] - law[1, 0], abs=EXACT)
    ratio = 'P(Y="well" | do(X="some")) / P(Y="well" | do(X="none"))'
    assert float(value(graph, ratio, world)) == pytest.approx(law[1, 1] / law[1, 0], abs=1e-9)


def test_ate_between_the_declared_states(rng: np.random.Generator) -> None:
    world = random_world(read(BACK_DOOR), rng, visible=(2,))
    found = value(BACK_DOOR + "; states X = { none < some }", "ATE(X, Y)", world)
    assert float(found) == pytest.approx(mean(world, 1) - mean(world, 0), abs=EXACT)
    with pytest.raises(umbel.QuestionError, match="compares two states"):
        umbel.identify(BACK_DOOR + "; states X = { none < some < much }", "ATE(X, Y)")


def test_no_effect(rng: np.random.Generator) -> None:
    """A treatment that is no ancestor: identified whatever is hidden, and contrasts are exactly 0."""
    for _ in range(40):
        diagram = random_diagram(rng, 4, 2)
        pairs = [(x, y) for x in diagram.visible for y in diagram.visible if y not in diagram.descendants(x)]
        if not pairs:
            continue
        x, y = pairs[int(rng.integers(len(pairs)))]
        graph, world = diagram.graph(), random_world(diagram, rng)
        contrast = umbel.identify(graph, f"E[{y} | do({x}=1)] - E[{y} | do({x}=0)]")
        assert contrast.identified
        assert contrast.estimand.strategy == "no effect"
        assert float(contrast.estimand.evaluate(observed(world)).array) == 0.0
        assert contrast.verify()
        whole = umbel.identify(graph, f"P({y} | do({x}))")
        assert whole.identified
        assert np.abs(whole.estimand.evaluate(observed(world)).array - world.effect([y], [x])).max() < EXACT
        assert whole.estimand.text() == f"P({y})"
        assert [step.rule for step in whole.steps] == ["no effect"]


def test_a_question_without_an_intervention(rng: np.random.Generator) -> None:
    verdict = umbel.identify(BACK_DOOR, "P(Y)")
    assert verdict.identified
    assert (verdict.estimand.text(), verdict.estimand.strategy) == ("P(Y)", "observed")
    world = random_world(read(BACK_DOOR), rng)
    assert np.abs(verdict.estimand.evaluate(observed(world)).array - world.law(["Y"])).max() < EXACT


def test_one_lost_term_loses_the_question() -> None:
    """The effect of Z on Y is identified, that of X is not: a difference of the two is not."""
    graph = "X -> Y; X <-> Y; Z -> Y"
    assert umbel.identify(graph, "E[Y | do(Z=1)]").identified
    verdict = umbel.identify(graph, "E[Y | do(Z=1)] - E[Y | do(X=1)]")
    assert isinstance(verdict, umbel.Unidentified)
    assert verdict.verify()


REFUSED = [
    ("PNS(X, Y)", "X -> Y"),
    ("P(Y[X=1]=1, Y[X=0]=0)", "X -> Y"),
    ("E[Y | do(X=1)]", "X -> Y -- Z"),
    ("E[Y | do(S = 3 by natural)]", "X1 -> S2; S = sum(X1, X2); S -> Y"),
    ("max[k] E[Y | do(X ~ Bernoulli(k))]", "X -> Y"),
    ("MTE(X, Y | U)", "classes U = 2; U -> { X Y }; X -> Y"),
]


@pytest.mark.parametrize(("question", "graph"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_not_answered_yet_gets_no_number(question: str, graph: str) -> None:
    """Each gets a Refusal until it is built; a verdict then has to prove itself."""
    verdict = umbel.identify(graph, question)
    if isinstance(verdict, umbel.Refused):
        assert verdict.refusal.why and verdict.refusal.advice
    elif isinstance(verdict, umbel.Unidentified):
        assert verdict.certificate.text
    else:
        assert verdict.verify()


WRONG = [
    ("P(Y | do(Q))", "Q", "Possible: U, X, Y"),
    ("P(Q | do(X))", "Q", "Possible: U, X, Y"),
    ("P(Y | do(U))", "U", "latent"),
    ("P(U | do(X))", "U", "latent"),
    ("P(Y | do(X), U)", "U", "latent"),
    ("P(Y | do(X ~ q(U)))", "U", "latent"),
    ("P(Y | do(Y))", "Y", "nothing is left to ask"),
    ("P(Y | do(X ~ q(Y)))", "Y", "cycle"),
    ("P(Y | do(X ~ Bernuolli(0.5)))", "Bernuolli", "Did you mean 'Bernoulli'"),
]


@pytest.mark.parametrize(("question", "name", "words"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_question_is_one_line(question: str, name: str, words: str) -> None:
    with pytest.raises(umbel.InputError) as error:
        umbel.identify("latent U; U -> { X Y }; X -> Y", question)
    assert name in str(error.value) and words in str(error.value)
    assert "\n" not in str(error.value)
