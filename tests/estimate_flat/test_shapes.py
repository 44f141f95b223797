"""Shapes stand for their averages: in every law when exact, in every model of the graph when trusted."""

from __future__ import annotations

import numpy as np
import pytest

from tests.estimate_flat.written import written
from umbel.errors import InputError
from umbel.estimate.expansion import Average, Mix, NotFlat, Ratio, averages, formula_of
from umbel.estimate.shape_reading import shape_of
from umbel.estimate.shapes import Primal, Sequential, Switched, trusted
from umbel.expr.evaluate import evaluate
from umbel.graph.mixed import Graph
from umbel.identification.ask import identify_question
from umbel.model.query import Question
from umbel.numerics.tables import Table
from umbel.pipeline.answering import target_of
from umbel.results.verdict import Identified
from umbel.simulate.discrete import random_model

EXACT = 1e-9


def identified(graph: str, question: str) -> Identified:
    verdict = identify_question(Graph.parse(graph), Question.parse(question))
    assert isinstance(verdict, Identified)
    return verdict


def shapes(graph: str, question: str) -> list[Sequential | Switched | Primal | None]:
    return [shape_of(one) for one in averages(formula_of(identified(graph, question).estimand.body))]


def test_a_contrast_is_a_difference_of_adjusted_averages() -> None:
    formula = formula_of(identified("Z -> {A Y}; A -> Y", "E[Y | do(A=1)] - E[Y | do(A=0)]").estimand.body)
    assert isinstance(formula, Mix)
    assert [weight for weight, _ in formula.terms] == [1.0, -1.0]
    high, low = averages(formula)
    found = shape_of(high)
    assert isinstance(found, Sequential)
    assert [stage.settings for stage in found.stages] == [(), (("A", 1),)]
    assert [stage.variables for stage in found.stages] == [("Z",), ("Y",)]
    assert found.exact
    assert shape_of(low) != found


def test_independent_covariates_are_adjusted_for_together() -> None:
    (found,) = shapes("{Z1 Z2 Z3} -> {A Y}; A -> Y", "E[Y | do(A=1)]")
    assert isinstance(found, Sequential)
    assert found.stages[0].variables == ("Z1", "Z2", "Z3")
    assert found.exact
    assert trusted(found, "back-door")


def test_a_mediator_behind_the_treatment_is_left_out() -> None:
    (found,) = shapes("Z -> {A Y}; A -> M -> Y", "E[Y | do(A=1)]")
    assert isinstance(found, Sequential)
    assert [stage.variables for stage in found.stages] == [("Z",), ("Y",)]


def test_a_front_door_with_covariates() -> None:
    found = shapes("C -> {A M Y}; A -> M -> Y; A <-> Y", "E[Y | do(A=1)] - E[Y | do(A=0)]")
    assert [(one.baseline, [(b.own, b.variables) for b in one.blocks]) for one in found if isinstance(one, Primal)] == [
        (("C",), [(False, ("M",)), (True, ("Y",))])
    ] * 2


def test_a_ratio_and_a_napkin_keep_their_quotients() -> None:
    ratio = formula_of(identified("Z -> {A Y}; A -> Y", "E[Y | do(A=1)] / E[Y | do(A=0)]").estimand.body)
    assert isinstance(ratio, Ratio)
    assert isinstance(ratio.numerator, Average)
    napkin = formula_of(identified("W -> Z -> X -> Y; W <-> X; W <-> Y", "E[Y | do(X=1)]").estimand.body)
    assert isinstance(napkin, Ratio)


def test_laws_inside_units_are_no_flat_estimand() -> None:
    verdict = identified("plate student { A Y }; latent U; U -> { A Y }; A -> Y", "E[Y | do(A=1)]")
    with pytest.raises(NotFlat):
        formula_of(verdict.estimand.body)


def test_parts_that_a_graph_keeps_apart_have_no_shape() -> None:
    """V2 is no effect of V0 but shares a cause with it, and stands behind V1, learnt after V3."""
    graph = "V0; V1; V2; V3; V4; V0 -> V3 -> V4; V1 -> V2 -> V4; V0 -> V4; V0 <-> V2; V1 <-> V3"
    verdict = identified(graph, "E[V4 | do(V0=1)]")
    formula = formula_of(verdict.estimand.body)
    assert isinstance(formula, Average)
    found = shape_of(formula)
    assert found is None or found.exact


def random_graph(rng: np.random.Generator) -> Graph:
    size = int(rng.integers(3, 7))
    names = [f"V{at}" for at in range(size)]
    pairs = [(a, b) for at, a in enumerate(names) for b in names[at + 1 :]]
    directed = [pair for pair in pairs if rng.random() < 0.4]
    bidirected = [pair for pair in pairs if rng.random() < 0.2]
    return Graph.build(nodes=names, directed=directed, bidirected=bidirected)


def test_shapes_have_the_value_of_their_estimands_in_random_models() -> None:
    rng = np.random.default_rng(2)
    met = {"Sequential": 0, "Primal": 0}
    for _ in range(1500):
        graph = random_graph(rng)
        last = len(graph.names) - 1
        verdict = identify_question(graph, Question.parse(f"E[V{last} | do(V{rng.integers(0, max(1, last - 2))}=1)]"))
        if not isinstance(verdict, Identified):
            continue
        try:
            formula = formula_of(verdict.estimand.body)
        except NotFlat:
            continue
        shape = shape_of(formula) if isinstance(formula, Average) else None
        if shape is None or not trusted(shape, verdict.estimand.strategy):
            continue
        joint = random_model(graph, rng=rng).table()
        own = evaluate(written(shape), joint, ()).array
        assert own == pytest.approx(verdict.estimand.evaluate(joint).array, abs=EXACT), verdict.estimand.text()
        met[type(shape).__name__] += 1
        if shape.exact:  # then in every law, whatever the graph says
            other = Table(joint.axes, rng.dirichlet(np.ones(joint.array.size)).reshape(joint.array.shape))
            assert evaluate(written(shape), other, ()).array == pytest.approx(
                verdict.estimand.evaluate(other).array, abs=EXACT
            )
    assert met["Sequential"] > 300
    assert met["Primal"] > 20


def test_switched_shapes_have_the_value_of_their_averages_in_every_law() -> None:
    rng = np.random.default_rng(3)
    met = 0
    for _ in range(800):
        graph = random_graph(rng)
        last = len(graph.names) - 1
        a, m = sorted(rng.choice(max(2, last), 2, replace=False).tolist())
        questions = (f"E[V{last}[V{a}=1] | V{a}=0]", f"E[V{last}[V{a}=1, V{m}[V{a}=0]]]")
        for question in questions[: 2 if m < last else 1]:
            verdict = identify_question(graph, Question.parse(question))
            if not isinstance(verdict, Identified):
                continue
            try:
                found = averages(formula_of(verdict.estimand.body))
            except NotFlat:
                continue
            joint = random_model(graph, rng=rng).table()
            law = Table(joint.axes, rng.dirichlet(np.ones(joint.array.size)).reshape(joint.array.shape))
            for one in found:
                shape = shape_of(one)
                if isinstance(shape, Switched):
                    met += 1
                    own, given = (evaluate(expr, law, ()).array for expr in (written(shape), one.expr()))
                    assert own == pytest.approx(given, abs=EXACT), verdict.estimand.text()
    assert met > 40


def test_shapes_that_the_graph_vouches_for_have_the_value_of_their_averages_in_its_models() -> None:
    rng = np.random.default_rng(4)
    met = {"Switched": 0, "Sequential": 0}
    for _ in range(500):
        graph = random_graph(rng)
        last = len(graph.names) - 1
        a, m = sorted(rng.choice(max(2, last), 2, replace=False).tolist())
        for question in (
            f"E[V{last}[V{a}=1] | V{a}=0]",
            f"E[V{last}[V{a}=1, V{m}[V{a}=0]]]",
            f"E[V{last} | do(V{a}=1)]",
        ):
            try:
                verdict = identify_question(graph, Question.parse(question))
                found = averages(formula_of(verdict.estimand.body)) if isinstance(verdict, Identified) else ()
            except (NotFlat, InputError):
                continue
            if not isinstance(verdict, Identified):
                continue
            vouch = target_of(verdict, graph).independent
            joint = random_model(graph, rng=rng).table()
            for one in found:
                shape = shape_of(one, vouch)
                if shape is None or isinstance(shape, Primal) or not shape.exact or shape == shape_of(one):
                    continue
                met[type(shape).__name__] += 1
                own, given = (evaluate(expr, joint, ()).array for expr in (written(shape), one.expr()))
                assert own == pytest.approx(given, abs=EXACT), verdict.estimand.text()
    assert met["Switched"] > 20
    assert met["Sequential"] > 30


def test_an_effect_on_the_treated_with_independent_covariates_is_doubly_robust() -> None:
    graph = Graph.parse("{ C D } -> { A Y }; A -> Y")
    verdict = identify_question(graph, Question.parse("E[Y[A=0] | A=1]"))
    assert isinstance(verdict, Identified)
    found = [
        shape_of(one, target_of(verdict, graph).independent) for one in averages(formula_of(verdict.estimand.body))
    ]
    (switched,) = (one for one in found if isinstance(one, Switched))
    assert [(stage.settings, sorted(stage.variables)) for stage in switched.stages] == [
        ((), ["C", "D"]),
        ((("A", 0),), ["Y"]),
    ]
    assert switched.joint == (("A", 1),)
