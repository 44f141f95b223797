"""Exact evaluation: against a second evaluator, with zero cells, labels, and tables that do not fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings

import umbel
from tests.expr.expressions import expressions, laws, ordered
from tests.oracles.flat.cases import NAPKIN
from tests.oracles.flat.reference import Reference
from umbel.expr.build import free
from umbel.expr.evaluate import evaluate
from umbel.expr.nodes import AtState, Expr, Held, Probability, Product, Quotient, Raw, Sum, Symbol
from umbel.numerics.tables import Table

BACK_DOOR = "Z -> X -> Y; Z -> Y"
FRONT_DOOR = "X -> Z -> Y; X <-> Y"
MOST_CELLS = 200
"""The second evaluator is slow; larger answers are left to the sums inside them."""


@settings(max_examples=200)
@given(expressions, laws())
def test_both_evaluators_agree_in_every_cell(body: Expr, at: Reference) -> None:
    """Undefined cells too: zero times undefined is zero, and NaN shows only where it matters."""
    axes = ordered(free(body))
    assume(np.prod([at.size(symbol) for symbol in axes]) <= MOST_CELLS)
    names = [symbol.meaning.name for symbol in axes]
    assume(len(set(names)) == len(names))  # an answer has one axis per variable
    found = evaluate(body, at.sources[0], axes, laws=at.policies)
    assert found.axes == tuple(names)
    np.testing.assert_allclose(found.array, at.table(body, axes), rtol=1e-9, atol=1e-12)


def answer(graph: str, question: str, joint: Table, **laws: Table) -> Table:
    verdict = umbel.identify(graph, question)
    assert verdict.identified
    return verdict.estimand.evaluate(joint, laws=laws)


def law(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.dirichlet(np.ones(int(np.prod(shape)))).reshape(shape)


def test_axes_follow_the_question(rng: np.random.Generator) -> None:
    joint = Table(("Z", "X", "Y"), law(rng, 4, 2, 3))
    assert answer(BACK_DOOR, "P(Y | do(X))", joint).axes == ("Y", "X")
    assert answer(BACK_DOOR, "P(Y | do(X))", joint).array.shape == (3, 2)
    assert answer(BACK_DOOR, "P(Y | do(X=1))", joint).axes == ("Y",)
    assert answer(BACK_DOOR, "E[Y | do(X)]", joint).axes == ("X",)
    assert answer(BACK_DOOR, "E[Y | do(X=1)]", joint).axes == ()
    assert answer(BACK_DOOR, "P(X | do(Y))", joint).axes == ("X", "Y")


def test_the_order_of_the_tables_axes_does_not_matter(rng: np.random.Generator) -> None:
    array = law(rng, 4, 2, 3)
    one = answer(BACK_DOOR, "P(Y | do(X))", Table(("Z", "X", "Y"), array))
    two = answer(BACK_DOOR, "P(Y | do(X))", Table(("Y", "Z", "X"), np.moveaxis(array, 2, 0)))
    np.testing.assert_allclose(one.array, two.array, rtol=1e-12)


def test_a_joint_law_is_normalised_and_margins_are_left_out(rng: np.random.Generator) -> None:
    array = law(rng, 2, 2, 2, 3)
    wide = Table(("Z", "X", "Y", "Other"), 7 * array)
    narrow = Table(("Z", "X", "Y"), array.sum(axis=-1))
    np.testing.assert_allclose(
        answer(BACK_DOOR, "P(Y | do(X))", wide).array, answer(BACK_DOOR, "P(Y | do(X))", narrow).array, rtol=1e-12
    )


def test_no_effect_is_exactly_nothing(rng: np.random.Generator) -> None:
    joint = Table(("Z", "X", "Y"), law(rng, 3, 2, 2))
    contrast = answer(BACK_DOOR, "E[X | do(Y=1)] - E[X | do(Y=0)]", joint)
    assert float(contrast.array) == 0.0
    found = answer(BACK_DOOR, "P(X | do(Y))", joint)
    np.testing.assert_allclose(found.array, np.tile(joint.marginal(("X",)).array[:, None], 2))
    soft = Table(("Y", "Z"), np.full((2, 3), 0.5))
    np.testing.assert_allclose(answer(BACK_DOOR, "P(Z | do(Y ~ q))", joint).array, joint.marginal(("Z",)).array)
    np.testing.assert_allclose(
        answer("Y -> X; Z", "P(Y | do(X ~ q(Z)))", joint, X=soft).array, joint.marginal(("Y",)).array
    )


def test_no_effect_over_no_effect_is_undefined(rng: np.random.Generator) -> None:
    joint = Table(("Z", "X", "Y"), law(rng, 2, 2, 2))
    ratio = "(E[X | do(Y=1)] - E[X | do(Y=0)]) / (E[Z | do(Y=1)] - E[Z | do(Y=0)])"
    assert np.isnan(answer(BACK_DOOR, ratio, joint).array)


def test_undefined_only_where_the_answer_depends_on_it() -> None:
    """X = 1 never occurs where Z = 1, and Z = 1 occurs: the effect of X = 1 is undefined, of X = 0 not."""
    array = np.full((2, 2, 2), 0.125)
    array[1, 1] = 0.0
    found = answer(BACK_DOOR, "P(Y | do(X))", Table(("Z", "X", "Y"), array)).array
    assert np.isnan(found[:, 1]).all() and np.isfinite(found[:, 0]).all()


def test_a_stratum_that_never_occurs_is_harmless() -> None:
    array = np.full((3, 2, 2), 1 / 8)
    array[2] = 0.0
    found = answer(BACK_DOOR, "P(Y | do(X))", Table(("Z", "X", "Y"), array)).array
    np.testing.assert_allclose(found, 0.5)


def test_a_policy_that_avoids_what_never_occurs_is_defined() -> None:
    array = np.full((2, 2, 2), 0.125)
    array[1, 1] = 0.0
    joint = Table(("Z", "X", "Y"), array)
    assert np.isnan(answer(BACK_DOOR, "P(Y | do(X ~ Bernoulli(0.5)))", joint).array).all()
    np.testing.assert_allclose(answer(BACK_DOOR, "P(Y | do(X ~ Bernoulli(0.5*(1 - Z))))", joint).array, 0.5)


def test_an_event_that_never_occurs_has_probability_zero() -> None:
    joint = Table(("X", "Y"), [[0.5, 0.0], [0.5, 0.0]])
    assert float(answer("X -> Y", "P(Y=1 | do(X=1))", joint).array) == 0.0


def test_free_nuisance_is_averaged_over_its_law(rng: np.random.Generator) -> None:
    """On a law outside the model the napkin's value depends on Z: the answer is its mean over P(Z)."""
    joint = Table(("W", "Z", "X", "Y"), law(rng, 2, 3, 2, 2))
    found = answer(NAPKIN, "P(Y | do(X))", joint)
    p_w = joint.marginal(("W",)).array
    p_z = joint.marginal(("Z",)).array
    p_wz = joint.marginal(("W", "Z")).array
    above = np.einsum("w,wzxy->zxy", p_w, joint.array / p_wz[:, :, None, None])
    at_z = above / above.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(found.array, np.einsum("z,zxy->yx", p_z, at_z), rtol=1e-12)
    assert at_z.std(axis=0).max() > 0.01, "the law must be one on which it matters"


def test_free_nuisance_where_it_is_undefined_is_left_out(rng: np.random.Generator) -> None:
    """Z = 2 never occurs with W = 0: the other values of Z still give the answer."""
    array = law(rng, 2, 3, 2, 2)
    array[0, 2] = 0.0
    found = answer(NAPKIN, "P(Y | do(X))", Table(("W", "Z", "X", "Y"), array))
    assert np.isfinite(found.array).all()
    np.testing.assert_allclose(found.array.sum(axis=0), 1.0)


def test_labels_are_kept_and_understood(rng: np.random.Generator) -> None:
    arms = ("placebo", "low", "high")
    joint = Table(("Z", "X", "Y"), law(rng, 2, 3, 2), {"X": arms, "Y": (False, True)})
    whole = answer(BACK_DOOR, "P(Y | do(X))", joint)
    assert whole.states == {"Y": (False, True), "X": arms}
    one = answer(BACK_DOOR, 'P(Y=true | do(X="high"))', joint)
    assert float(one.array) == pytest.approx(whole.array[1, 2], rel=1e-12)


def test_the_graphs_labels_name_the_states_of_a_table_without(rng: np.random.Generator) -> None:
    graph = BACK_DOOR + "; states X = { placebo < low < high }"
    array = law(rng, 2, 3, 2)
    found = answer(graph, 'P(Y | do(X="low"))', Table(("Z", "X", "Y"), array))
    wanted = answer(BACK_DOOR, "P(Y | do(X=1))", Table(("Z", "X", "Y"), array))
    np.testing.assert_allclose(found.array, wanted.array, rtol=1e-12)


def test_labels_in_another_order_are_read_by_label(rng: np.random.Generator) -> None:
    graph = BACK_DOOR + "; states X = { no < yes }"
    array = law(rng, 2, 2, 2)
    question = "E[Y | do(X=yes)] - E[Y | do(X=no)]".replace("yes", '"yes"').replace("=no", '="no"')
    one = answer(graph, question, Table(("Z", "X", "Y"), array, {"X": ("no", "yes")}))
    two = answer(graph, question, Table(("Z", "X", "Y"), array[:, ::-1], {"X": ("yes", "no")}))
    assert float(one.array) == pytest.approx(float(two.array), rel=1e-12)
    weights = Table(("X",), [0.9, 0.1], {"X": ("no", "yes")})
    swapped = Table(("X",), [0.1, 0.9], {"X": ("yes", "no")})
    joint = Table(("Z", "X", "Y"), array, {"X": ("no", "yes")})
    first = answer(BACK_DOOR, "P(Y | do(X ~ q))", joint, X=weights)
    second = answer(BACK_DOOR, "P(Y | do(X ~ q))", joint, X=swapped)
    np.testing.assert_allclose(first.array, second.array, rtol=1e-12)


def test_a_variable_called_unit_is_a_variable(rng: np.random.Generator) -> None:
    """Only graphs with plates have an axis of units."""
    array = law(rng, 2, 2)
    found = answer("unit -> Y", "P(Y | do(unit))", Table(("unit", "Y"), array))
    np.testing.assert_allclose(found.array, (array / array.sum(axis=1, keepdims=True)).T)
    verdict = umbel.identify("unit -> Y", "P(Y | do(unit))")
    assert verdict.identified and verdict.verify()


JOINT = Table(("X", "Y"), [[0.3, 0.2], [0.1, 0.4]])
LABELLED = Table(("X", "Y"), [[0.3, 0.2], [0.1, 0.4]], {"X": ("no", "yes"), "Y": ("bad", "good")})
SOFT = "P(Y | do(X ~ q))"
WRONG: list[tuple[str, Callable[[], object], str]] = [
    ("lacks a variable", lambda: answer("X -> Y", "P(Y | do(X))", Table(("x", "Y"), [[0.5, 0.5]])), "Did you mean 'x'"),
    ("negative", lambda: answer("X -> Y", SOFT, Table(("X", "Y"), [[0.5, -0.5], [0.5, 0.5]])), "non-negative"),
    ("not finite", lambda: answer("X -> Y", SOFT, Table(("X", "Y"), [[0.5, np.nan], [0.5, 0.5]])), "finite"),
    ("no mass", lambda: answer("X -> Y", SOFT, Table(("X", "Y"), np.zeros((2, 2)))), "positive sum"),
    ("no table", lambda: answer("X -> Y", SOFT, np.eye(2)), "not a ndarray"),  # type: ignore[arg-type]
    ("no such state", lambda: answer("X -> Y", "P(Y | do(X=2))", JOINT), "Possible: 0, 1"),
    ("no such outcome", lambda: answer("X -> Y", "P(Y=7 | do(X=1))", JOINT), "Possible: 0, 1"),
    ("a mean of labels", lambda: answer("X -> Y", 'E[Y | do(X="no")]', LABELLED), "'Y' are labels"),
    ("no law", lambda: answer("X -> Y", SOFT, JOINT), "pass laws={'X': Table(…)}"),
    ("a law of something else", lambda: answer("X -> Y", SOFT, JOINT, Z=Table(("Z",), [0.5, 0.5])), "names 'Z'"),
    ("a law that is no Table", lambda: answer("X -> Y", SOFT, JOINT, X=[0.5, 0.5]), "not a Table"),  # type: ignore
    ("a law of other axes", lambda: answer("X -> Y", SOFT, JOINT, X=Table(("Y",), [0.5, 0.5])), "axes ('Y',)"),
    ("a law that reads more", lambda: answer("X -> Y", SOFT, JOINT, X=Table(("X", "Z"), np.full((2, 2), 0.5))), "axes"),
    ("three states", lambda: answer("X -> Y", SOFT, JOINT, X=Table(("X",), [0.2, 0.3, 0.5])), "3 states"),
    ("sums to more", lambda: answer("X -> Y", SOFT, JOINT, X=Table(("X",), [0.5, 0.6])), "sum to 1"),
    ("negative weight", lambda: answer("X -> Y", SOFT, JOINT, X=Table(("X",), [1.5, -0.5])), "at least 0"),
    ("undefined weight", lambda: answer("X -> Y", SOFT, JOINT, X=Table(("X",), [0.5, np.nan])), "at least 0"),
    (
        "other labels",
        lambda: answer("X -> Y", SOFT, LABELLED, X=Table(("X",), [0.5, 0.5], {"X": ("no", "ja")})),
        "no state 'yes'",
    ),
    (
        "other labels than the graph",
        lambda: answer("X -> Y; states X = { a < b }", "P(Y | do(X))", LABELLED),
        "the graph declares 'a', 'b'",
    ),
    (
        "another number of states than the graph",
        lambda: answer("X -> Y; states X = 3", "P(Y | do(X))", JOINT),
        "2 states; the graph declares 3",
    ),
    ("axes that repeat", lambda: Table(("X", "X"), np.eye(2)), "'X' twice"),
    ("labels that repeat", lambda: Table(("X",), [0.5, 0.5], {"X": ("a", "a")}), "'a' twice"),
    ("labels of nothing", lambda: Table(("X",), [0.5, 0.5], {"Z": ("a", "b")}), "Possible: X"),
    ("too few labels", lambda: Table(("X",), [0.5, 0.5], {"X": ("a",)}), "2 entries and 1 states"),
    ("too few axes", lambda: Table(("X",), np.eye(2)), "2 dimensions"),
    ("words", lambda: Table(("X",), ["a", "b"]), "holds numbers"),
    ("ragged rows", lambda: Table(("X", "Y"), [[1, 2], [3]]), "rows of one length"),
    ("no such axis", lambda: JOINT.marginal(("Z",)), "Possible: X, Y"),
    ("no such axis to measure", lambda: JOINT.size("x"), "Did you mean 'X'"),
    ("no such axis to list", lambda: JOINT.states_of("Z"), "Possible: X, Y"),
    ("the same axis twice", lambda: JOINT.marginal(("X", "X")), "'X' twice"),
]


@pytest.mark.parametrize(("what", "wrong", "words"), WRONG, ids=[row[0] for row in WRONG])
def test_what_does_not_fit_is_said_in_one_line(what: str, wrong: Callable[[], object], words: str) -> None:
    with pytest.raises(umbel.InputError) as error:
        wrong()
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_hidden_sums_cannot_capture_a_held_variable() -> None:
    """Σ_A P(A) P(B | A = 1): the held A is no occurrence of the bound one."""
    a, b = Symbol(Raw("A")), Symbol(Raw("B"))
    joint = Table(("A", "B"), [[0.1, 0.2], [0.3, 0.4]])
    body = Sum((a,), Product((Probability((a,)), Probability((b,), (Held(a, AtState(1)),)))))
    np.testing.assert_allclose(evaluate(body, joint, [b]).array, np.array([0.3, 0.4]) / 0.7)


def test_quotients_of_nothing_are_undefined() -> None:
    a, b = Symbol(Raw("A")), Symbol(Raw("B"))
    joint = Table(("A", "B"), [[0.5, 0.5], [0.0, 0.0]])
    found = evaluate(Quotient(Probability((a, b)), Probability((a,))), joint, [a, b]).array
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(found[0], 0.5)
