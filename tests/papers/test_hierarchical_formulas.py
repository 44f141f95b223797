"""Every formula of "Hierarchical causal models" that the gallery names, written by hand and compared.

Three numbers for each figure on one finite population that reaches the intervention's law: the
estimand's, the printed formula's and the truth. Section and equation numbers are those of
Weinstein and Blei, JMLR 27(37) 2026; A3 and A4 have no printed formulas, theirs are derived.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.oracles.nested.brute import Array, Do
from tests.oracles.nested.draw import Case, end_to_end, error, reaching
from tests.papers.units import Units
from umbel.gallery.example import Example
from umbel.gallery.hierarchical import EXAMPLES
from umbel.identification.ask import identify_question
from umbel.model.query import Question
from umbel.results.verdict import Identified, Unidentified

TOLERANCE = 1e-10
POPULATIONS = 2
SCHOOLS = ("L.1", "L.2")  # analyses of figures 11a and 11c with the data of eight schools
NESTED = [example for example in EXAMPLES if "plate" in example.graph and example.figure not in SCHOOLS]

Formula = Callable[[Units, Array], Array]
"""From a population and q_* (axes: A, then what it reads) to the law of Y."""


def unit_confounder(u: Units, q: Array) -> Array:
    """Eq. (22); 5a and, with X mixed into Q[Y|A], Eq. (38)."""
    return sum(u.p({"Q[Y|A]": k}) * u.law("Q[Y|A]", k) @ q for k in u.codes("Q[Y|A]"))


def interference(u: Units, q: Array) -> Array:
    """Eqs. (26) and (27)."""
    star, total = u.at("Q[A]", q), 0.0
    for k in u.codes("Q[Y|A]"):
        effect = 0.0
        for z in u.codes("Z"):
            inner = sum(u.p({"Q[A]": a}) * u.p({"Q[Y|A]": k}, {"Q[A]": a, "Z": z}) for a in u.codes("Q[A]"))
            effect += u.p({"Z": z}, {"Q[A]": star}) * inner
        total = total + effect * (u.law("Q[Y|A]", k) @ q)
    return np.asarray(total)


def instrument(u: Units, q: Array) -> Array:
    """Eq. (31)."""
    star = u.at("Q[A]", q)
    return sum(u.p({"Q[A|Z]": k}) * u.state_law("Y", {"Q[A]": star, "Q[A|Z]": k}) for k in u.codes("Q[A|Z]"))


def covariate(u: Units, q: Array) -> Array:
    """Figures 3 and A13, Eq. (76)."""
    total = 0.0
    for x, k in u.all("Q[X]", "Q[Y|AX]"):
        weight = u.p({"Q[X]": x, "Q[Y|AX]": k})
        total = total + weight * np.einsum("x,ax,yax->y", u.law("Q[X]", x), q, u.law("Q[Y|AX]", k))
    return np.asarray(total)


def unit_outcome(u: Units, q: Array) -> Array:
    """Figure 5c."""
    star = u.at("Q[A]", q)
    return sum(u.p({"X": x}) * u.state_law("Y", {"Q[A]": star, "X": x}) for x in u.codes("X"))


def a3a(u: Units, q: Array) -> Array:
    star = u.at("Q[A]", q)
    return sum(u.p({"Q[W|A]": k}) * u.state_law("Y", {"Q[A]": star, "Q[W|A]": k}) for k in u.codes("Q[W|A]"))


def a3c(u: Units, q: Array) -> Array:
    total = 0.0
    for z, k in u.all("Q[Z|A]", "Q[Y|AZ]"):
        weight = u.p({"Q[Z|A]": z, "Q[Y|AZ]": k})
        total = total + weight * np.einsum("a,za,yaz->y", q, u.law("Q[Z|A]", z), u.law("Q[Y|AZ]", k))
    return np.asarray(total)


def a3e(u: Units, q: Array) -> Array:
    star, total = u.at("Q[A]", q), 0.0
    for w, k in u.all("W", "Q[Z|A]"):
        inner = sum(u.p({"Q[A]": a}) * u.p({"Q[Z|A]": k}, {"Q[A]": a, "W": w}) for a in u.codes("Q[A]"))
        outcome = u.state_law("Y", {"Q[A]": star, "W": w, "Q[Z|A]": k})
        total = total + u.p({"W": w}, {"Q[A]": star}) * inner * outcome
    return np.asarray(total)


def a3g(u: Units, q: Array) -> Array:
    star, total = u.at("Q[A|X]", q), 0.0
    for x, k in u.all("Q[X]", "Q[Y|AX]"):
        effect = 0.0
        for z in u.codes("Z"):
            inner = sum(
                u.p({"Q[X]": x, "Q[A|X]": a}) * u.p({"Q[Y|AX]": k}, {"Q[A|X]": a, "Q[X]": x, "Z": z})
                for a in u.codes("Q[A|X]")
            )
            effect += u.p({"Z": z}, {"Q[A|X]": star, "Q[X]": x}) * inner
        total = total + effect * np.einsum("x,ax,yax->y", u.law("Q[X]", x), q, u.law("Q[Y|AX]", k))
    return np.asarray(total)


def a3j(u: Units, q: Array) -> Array:
    star, total = u.at("Q[A|X]", q), 0.0
    for x, k in u.all("Q[X]", "Q[A|XZ]"):
        weight = u.p({"Q[X]": x, "Q[A|XZ]": k})
        if weight:
            total = total + weight * u.state_law("Y", {"Q[A|X]": star, "Q[A|XZ]": k, "Q[X]": x})
    return np.asarray(total)


def a3m(u: Units, q: Array) -> Array:
    star, total = u.at("Q[A]", q), 0.0
    for k, w, i in u.all("Q[Y|A]", "W", "Q[A|Z]"):
        weight = u.p({"Q[A|Z]": i}) * u.p({"W": w}, {"Q[A]": star, "Q[A|Z]": i})
        weight *= u.p({"Q[Y|A]": k}, {"Q[A]": star, "Q[A|Z]": i, "W": w})
        total = total + weight * (u.law("Q[Y|A]", k) @ q)
    return np.asarray(total)


def a3p(u: Units, q: Array) -> Array:
    """A front door through Q[W]."""
    star, total = u.at("Q[A]", q), 0.0
    for k, w in u.all("Q[W|AZ]", "Q[W]"):
        weight = u.p({"Q[W]": w}, {"Q[A]": star, "Q[W|AZ]": k})
        if weight:
            total = total + weight * sum(
                u.p({"Q[A]": a, "Q[W|AZ]": k}) * u.state_law("Y", {"Q[A]": a, "Q[W|AZ]": k, "Q[W]": w})
                for a in u.codes("Q[A]")
            )
    return np.asarray(total)


def shared_s(u: Units, q: Array) -> Array:
    """Eq. (39) with the same s in both factors, where the paper prints two."""
    star, total = u.at("Q[A]", q), 0.0
    for k, s, c in u.all("Q[Y|A]", "S", "C"):
        inner = sum(u.p({"S": s, "Q[A]": a}) * u.p({"Q[Y|A]": k}, {"Q[A]": a, "S": s, "C": c}) for a in u.codes("Q[A]"))
        total = total + u.p({"C": c}, {"Q[A]": star, "S": s}) * inner * (u.law("Q[Y|A]", k) @ q)
    return np.asarray(total)


def printed_39(u: Units, q: Array) -> Array:
    """Eq. (39) as printed: the s of the first factor is not that of the second."""
    star, total = u.at("Q[A]", q), 0.0
    for k, c in u.all("Q[Y|A]", "C"):
        first = sum(u.p({"S": s}) * u.p({"C": c}, {"Q[A]": star, "S": s}) for s in u.codes("S"))
        second = sum(
            u.p({"S": s, "Q[A]": a}) * u.p({"Q[Y|A]": k}, {"Q[A]": a, "S": s, "C": c}) for s, a in u.all("S", "Q[A]")
        )
        total = total + first * second * (u.law("Q[Y|A]", k) @ q)
    return np.asarray(total)


def a14(u: Units, q: Array) -> Array:
    """Eq. (77) in the form that reads Q[A]: what Z does, it does through the law of A alone."""
    star, total = u.at("Q[A]", q), 0.0
    for x, k in u.all("Q[X]", "Q[Y|AX]"):
        weight = u.p({"Q[X]": x}) * u.p({"Q[Y|AX]": k}, {"Q[A]": star})
        total = total + weight * np.einsum("x,a,yax->y", u.law("Q[X]", x), q, u.law("Q[Y|AX]", k))
    return np.asarray(total)


FORMULAS: dict[str, Formula] = {
    "1a": unit_confounder,
    "1b": interference,
    "1c": instrument,
    "3": covariate,
    "5a": unit_confounder,
    "5c": unit_outcome,
    "A3a": a3a,
    "A3c": a3c,
    "A3e": a3e,
    "A3g": a3g,
    "A3j": a3j,
    "A3m": a3m,
    "A3p": a3p,
    "11a": unit_confounder,
    "11b": unit_confounder,
    "11c": shared_s,
    "A13": covariate,
    "A14": a14,
}


def case_of(example: Example) -> Case:
    question = Question.parse(example.question)
    (term,) = question.terms()
    (do,) = term.do
    reads = getattr(getattr(do, "law", None), "reads", ())
    return Case(example.graph, example.question, do.name, "Y", tuple(reads))


def identified(case: Case) -> Identified:
    verdict = identify_question(case.graph, Question.parse(case.question))
    assert isinstance(verdict, Identified)
    return verdict


def populations(case: Case, verdict: Identified, seed: int) -> list[tuple[Units, Do, Array]]:
    """Populations in which the estimand is defined: units, intervention, truth."""
    found = []
    for model, do in reaching(verdict, case, np.random.default_rng(seed)):
        if error(verdict, model, do, case.outcome) < float("inf"):
            found.append((Units(model.table()), do, model.law(case.outcome, do)))
        if len(found) == POPULATIONS:
            break
    return found


def test_every_identified_nested_figure_has_a_formula() -> None:
    figures = {example.figure for example in NESTED if example.verdict == "identified"}
    assert figures == set(FORMULAS)


@pytest.mark.parametrize("example", NESTED, ids=lambda example: example.figure)
def test_verdict(example: Example) -> None:
    verdict = identify_question(case_of(example).graph, Question.parse(example.question))
    assert verdict.identified == (example.verdict == "identified")
    assert isinstance(verdict, Identified | Unidentified)
    check = verdict.verify()
    assert check, check.advice
    if verdict.identified:
        assert "finite populations" in check.advice


@pytest.mark.parametrize("example", [e for e in NESTED if e.figure in FORMULAS], ids=lambda example: example.figure)
def test_formula_estimand_and_truth_agree(example: Example) -> None:
    case = case_of(example)
    verdict = identified(case)
    assert end_to_end(verdict, case, np.random.default_rng(1)) < TOLERANCE
    found = populations(case, verdict, 2)
    assert len(found) == POPULATIONS
    for units, do, truth in found:
        q = np.moveaxis(do.table, -1, 0)
        assert np.abs(FORMULAS[example.figure](units, q) - truth).max() < TOLERANCE


def test_figure_4a_is_flat() -> None:
    (example,) = (example for example in EXAMPLES if example.figure == "4a")
    verdict = identify_question(case_of(example).graph, Question.parse(example.question))
    assert isinstance(verdict, Identified)
    assert verdict.verify()


@pytest.mark.parametrize("figure", ["A3a", "A3c", "A3e", "A3g", "A3j", "A3m", "A3p", "1a", "1b", "1c"])
def test_erasing_the_plate_would_lose_it(figure: str) -> None:
    """Caption of Figure A3; section 6.3."""
    (example,) = (example for example in EXAMPLES if example.figure == figure)
    verdict = identified(case_of(example))
    assert any("would lose it" in remark for remark in verdict.remarks)


ELEVEN_C = "plate student { X A Y }; latent U; U -> { A X Y }; X -> Y <- A; A -> C; S -> C -> Y"


@pytest.mark.parametrize("more", ["U -> S", "S -> Y"])
def test_eq_39_needs_the_same_s_in_both_factors(more: str) -> None:
    """Where S has another way to Y or U, Eq. (39) and (73) as printed are wrong; ours is not."""
    case = Case(f"{ELEVEN_C}; {more}", "P(Y | do(A ~ q))", "A", "Y")
    verdict = identified(case)
    printed = []
    for units, do, truth in populations(case, verdict, 3):
        q = np.moveaxis(do.table, -1, 0)
        assert np.abs(shared_s(units, q) - truth).max() < TOLERANCE
        printed.append(np.abs(printed_39(units, q) - truth).max())
    assert max(printed) > 1e-4


def test_eq_39_is_harmless_when_s_acts_through_class_size_alone() -> None:
    case = Case(ELEVEN_C, "P(Y | do(A ~ q))", "A", "Y")
    for units, do, truth in populations(case, identified(case), 4):
        assert np.abs(printed_39(units, np.moveaxis(do.table, -1, 0)) - truth).max() < TOLERANCE


def test_appendix_l2_moves_class_size_and_reads_the_gain() -> None:
    """Eq. (73) with a gain of the school for an outcome; the same s in all three factors."""
    (example,) = (example for example in EXAMPLES if example.figure == "L.2")
    case = Case(example.graph.replace("Gain", "Y"), "P(Y | do(A ~ q))", "A", "Y")
    for units, do, truth in populations(case, identified(case), 6):
        star, total = units.at("Q[A]", do.table), 0.0
        for s, c in units.all("S", "C"):
            inner = sum(
                units.p({"Q[A]": a}, {"S": s}) * units.state_law("Y", {"Q[A]": a, "S": s, "C": c})
                for a in units.codes("Q[A]")
            )
            total = total + units.p({"S": s}) * units.p({"C": c}, {"Q[A]": star, "S": s}) * inner
        assert np.abs(total - truth).max() < TOLERANCE


def test_a14_is_the_effect_of_the_law_of_a_given_x_too() -> None:
    """Eq. (77) as printed: at Q[A|X] = q, which fewer units show."""
    case = Case(
        "plate s { X A Y }; latent Z; X -> { A Y }; A -> { Z Y }; Z -> Y", "P(Y | do(A ~ q(X)))", "A", "Y", ("X",)
    )
    for units, do, truth in populations(case, identified(case), 5):
        q = np.moveaxis(do.table, -1, 0)
        star, total = units.at("Q[A|X]", q), 0.0
        for x, k in units.all("Q[X]", "Q[Y|AX]"):
            weight = units.p({"Q[X]": x}) * units.p({"Q[Y|AX]": k}, {"Q[A|X]": star, "Q[X]": x})
            total = total + weight * np.einsum("x,ax,yax->y", units.law("Q[X]", x), q, units.law("Q[Y|AX]", k))
        assert np.abs(total - truth).max() < TOLERANCE
