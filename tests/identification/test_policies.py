"""Soft interventions on flat graphs: families and laws that come as tables, against enumeration."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

import umbel
from tests.oracles.flat.cases import SINGLE, Case
from tests.oracles.flat.diagram import Diagram, random_diagram, read
from tests.oracles.flat.engine import observed
from tests.oracles.flat.rank import Query, can_move
from tests.oracles.flat.truth import Array, World, held, random_table, random_world
from umbel.numerics.tables import Table

EXACT = 1e-10
BACK_DOOR = "Z->X->Y;Z->Y"


def law_of(x: str, reads: tuple[str, ...], mechanism: Array) -> Table:
    """A mechanism (own states last) as the package takes it (own states first)."""
    return Table((x, *reads), np.moveaxis(mechanism, -1, 0))


def asked(y: str, x: str, reads: tuple[str, ...] = ()) -> str:
    return f"P({y} | do({x} ~ q{'(' + ', '.join(reads) + ')' if reads else ''}))"


def gap(diagram: Diagram, x: str, y: str, reads: tuple[str, ...], world: World, rng: np.random.Generator) -> float:
    """Error of the answer to one soft intervention in one world."""
    verdict = umbel.identify(diagram.graph(), asked(y, x, reads))
    assert verdict.identified
    mechanism = random_table(rng, [*(world.sizes[name] for name in reads), world.sizes[x]])
    found = verdict.estimand.evaluate(observed(world), laws={x: law_of(x, reads, mechanism)})
    assert found.axes == (y,)
    return float(np.abs(found.array - world.under({x: (reads, mechanism)}).law([y])).max())


@pytest.mark.parametrize("case", [c for c in SINGLE if c.identified], ids=lambda case: case.name)
def test_an_unspecified_law_in_the_named_cases(case: Case, rng: np.random.Generator) -> None:
    diagram = read(case.edges)
    assert gap(diagram, case.x[0], case.y[0], (), random_world(diagram, rng), rng) < EXACT


@pytest.mark.parametrize("case", [c for c in SINGLE if not c.identified], ids=lambda case: case.name)
def test_a_soft_intervention_identifies_no_more_than_a_hard_one(case: Case) -> None:
    verdict = umbel.identify(case.edges, asked(case.y[0], case.x[0]))
    assert isinstance(verdict, umbel.Unidentified)
    assert verdict.verify()


def test_random_conditional_laws(rng: np.random.Generator) -> None:
    """Exact where identified; where not, the rank oracle shows that the answer can move."""
    seen = {True: 0, False: 0}
    for _ in range(300):
        diagram = random_diagram(rng, int(rng.integers(3, 6)), int(rng.integers(0, 3)))
        x, y = map(str, rng.choice(diagram.visible, 2, replace=False))
        free = [name for name in diagram.visible if name not in diagram.descendants(x)]
        reads = tuple(name for name in free if rng.uniform() < 0.6)
        verdict = umbel.identify(diagram.graph(), asked(y, x, reads))
        seen[verdict.identified] += 1
        if verdict.identified:
            assert gap(diagram, x, y, reads, random_world(diagram, rng), rng) < EXACT
        else:
            change = {x: (reads, random_table(rng, [2] * (len(reads) + 1)))}
            assert can_move(diagram, Query([y], change), rng)
        assert verdict.verify(), (diagram, x, y, reads)
    assert min(seen.values()) >= 20


def test_a_hedge_may_end_in_what_the_law_reads() -> None:
    """The law of X reads W, which is no cause of Y: the proof of the no must speak of it."""
    verdict = umbel.identify("X -> Y; W <-> Y; X <-> W", "P(Y | do(X ~ q(W)))")
    assert isinstance(verdict, umbel.Unidentified)
    assert verdict.verify()


def test_a_law_reads_only_what_its_treatment_does_not_cause() -> None:
    with pytest.raises(umbel.QuestionError, match="cycle"):
        umbel.identify("X -> M -> Y", "P(Y | do(X ~ q(M)))")


def test_a_law_of_what_the_treatment_already_reads(rng: np.random.Generator) -> None:
    """The old mechanism is replaced, whatever else it read."""
    diagram = read("W->X;Z->X;X->Y;Z->Y;W->Y")
    assert gap(diagram, "X", "Y", ("W",), random_world(diagram, rng), rng) < EXACT


def value(question: str, world: World) -> float:
    verdict = umbel.identify(BACK_DOOR, question)
    assert verdict.identified
    assert verdict.verify()
    return float(verdict.estimand.evaluate(observed(world)).array)


def mean(world: World, mechanism: tuple[tuple[str, ...], Array]) -> float:
    law = world.under({"X": mechanism}).law(["Y"])
    return float(law @ np.arange(len(law)))


def logistic(number: float) -> float:
    return 1 / (1 + exp(-number))


def test_bernoulli(rng: np.random.Generator) -> None:
    world = random_world(read(BACK_DOOR), rng, visible=(2,))
    wanted = mean(world, ((), np.array([0.25, 0.75])))
    assert value("E[Y | do(X ~ Bernoulli(0.75))]", world) == pytest.approx(wanted, abs=EXACT)
    contrast = wanted - mean(world, ((), np.array([0.75, 0.25])))
    found = value("E[Y | do(X ~ Bernoulli(0.75))] - E[Y | do(X ~ Bernoulli(0.25))]", world)
    assert found == pytest.approx(contrast, abs=EXACT)


def test_bernoulli_given_a_covariate(rng: np.random.Generator) -> None:
    world = random_world(read(BACK_DOOR), rng, visible=(2,))
    one = np.array([logistic(0.2), logistic(0.8)])
    wanted = mean(world, (("Z",), np.stack([1 - one, one], axis=1)))
    found = value("E[Y | do(X ~ Bernoulli(expit(0.2 + 0.6*Z)))]", world)
    assert found == pytest.approx(wanted, abs=EXACT)


def test_categorical(rng: np.random.Generator) -> None:
    world = random_world(read(BACK_DOOR), rng, visible=(3,))
    wanted = mean(world, ((), np.array([0.2, 0.3, 0.5])))
    assert value("E[Y | do(X ~ Categorical(0.2, 0.3, 0.5))]", world) == pytest.approx(wanted, abs=EXACT)


def test_point_is_the_hard_intervention(rng: np.random.Generator) -> None:
    world = random_world(read(BACK_DOOR), rng, visible=(3,))
    wanted = mean(world, held(2, 3))
    assert value("E[Y | do(X ~ Point(2))]", world) == pytest.approx(wanted, abs=EXACT)
    assert value("E[Y | do(X=2)]", world) == pytest.approx(wanted, abs=EXACT)


def test_point_that_follows_a_covariate(rng: np.random.Generator) -> None:
    world = random_world(read(BACK_DOOR), rng, visible=(2,))
    wanted = mean(world, (("Z",), np.eye(2)[::-1]))
    assert value("E[Y | do(X ~ Point(1 - Z))]", world) == pytest.approx(wanted, abs=EXACT)


@pytest.mark.parametrize(
    ("law", "states", "words"),
    [
        ("Bernoulli(0.5)", 3, "no weights on 3 states"),
        ("Bernoulli(1.2)", 2, "between 0 and 1"),
        ("Bernoulli(Z - 1)", 2, "[0, 1]"),
        ("Categorical(0.2, 0.3)", 2, "sum to 0.5"),
        ("Categorical(0.2, 0.8)", 3, "no weights on 3 states"),
        ("Point(7)", 2, "no state"),
        ("Bernoulli(1/Z)", 2, "no value at Z = 0"),
        ("Normal(0, 1)", 2, "no weights"),
    ],
)
def test_a_family_that_does_not_fit_the_table(law: str, states: int, words: str, rng: np.random.Generator) -> None:
    world = random_world(read(BACK_DOOR), rng, visible=(states,))
    with pytest.raises(umbel.InputError) as error:
        value(f"E[Y | do(X ~ {law})]", world)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
