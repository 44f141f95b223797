"""Text matches text and numbers match numbers: a value that no row can have is an error, never silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import umbel
from umbel.errors import QuestionError

RNG = np.random.default_rng(5)
SIZE = 400
A = RNG.integers(0, 2, SIZE)
G = RNG.integers(0, 2, SIZE)
Y = (RNG.random(SIZE) < 0.2 + 0.3 * A + 0.2 * G) * 1
SCHOOL = np.arange(SIZE) % 40
NUMBERS = {"A": A, "G": G, "Y": Y, "school": SCHOOL}
FLAT, BOW, SCHOOLS = "A -> Y; G -> Y", "A -> Y; A <-> Y", "plate pupil { A -> Y }; latent U; U -> { A Y }"
ROADS = [(FLAT, None), (BOW, None), (SCHOOLS, "school")]


@pytest.mark.parametrize(("graph", "unit"), ROADS)
@pytest.mark.parametrize("name", ["A", "Y"])
def test_digits_that_are_text_are_told(graph: str, unit: str | None, name: str) -> None:
    study = umbel.Study({**NUMBERS, name: NUMBERS[name].astype(str)}, unit=unit)
    with pytest.raises(QuestionError, match=rf'{name} = 1, a number, and .* holds text: "0", "1". Write {name}="1"'):
        umbel.solve(graph, "P(Y=1 | do(A=1))", study)
    numbers, asked = umbel.Study(NUMBERS, unit=unit), f"P(Y={'1'} | do(A=1))".replace(f"{name}=1", f'{name}="1"')
    text, plain = umbel.solve(graph, asked, study), umbel.solve(graph, "P(Y=1 | do(A=1))", numbers)
    assert text.value == plain.value
    assert text.bounds == plain.bounds
    with pytest.raises(QuestionError, match=f'{name} = "1", a text, and .* holds numbers'):
        umbel.solve(graph, asked, numbers)


def test_a_policy_that_compares_numbers_with_text_is_told() -> None:
    policy = "E[Y | do(A ~ Bernoulli(0.3 + 0.4*(G = {})))]"
    with pytest.raises(QuestionError, match="G = 1, a number"):
        umbel.solve(FLAT, policy.format(1), umbel.Study({**NUMBERS, "G": G.astype(str)}))
    with pytest.raises(QuestionError, match='G = "1", a text'):
        umbel.solve(FLAT, policy.format('"1"'), umbel.Study(NUMBERS))


def test_a_dose_is_no_text() -> None:
    with pytest.raises(QuestionError, match=r'A = "x", a text, and .* holds numbers'):
        umbel.solve(FLAT, 'E[Y | do(A="x")]', umbel.Study({**NUMBERS, "A": RNG.normal(size=SIZE)}))


def test_declared_numbers_and_text_are_told() -> None:
    with pytest.raises(umbel.errors.DataError, match="holds text: make it numbers, or declare the states in quotes"):
        umbel.solve(FLAT + "; states A = { 0 < 1 }", "P(Y=1 | do(A=1))", umbel.Study({**NUMBERS, "A": A.astype(str)}))


@pytest.mark.parametrize(("graph", "unit"), ROADS)
@pytest.mark.parametrize("home", ["file", "columns"])
def test_numbers_beside_a_declared_word_for_missing_are_numbers(
    graph: str, unit: str | None, home: str, tmp_path: Path
) -> None:
    holes = np.arange(SIZE) % 40 == 7
    text = A.astype(str).astype(object)
    text[holes] = "NA"
    names = {**NUMBERS, "A": text}
    path = tmp_path / "rows.csv"
    lines = [",".join(map(str, row)) for row in zip(*names.values(), strict=True)]
    path.write_text("\n".join([",".join(names), *lines]), encoding="utf-8")
    study = umbel.Study(path if home == "file" else names, unit=unit, variables={"A": {"missing": ["NA", -9]}})
    hollow = A.astype(float)
    hollow[holes] = np.nan
    for question in ("P(Y=1 | do(A=1))", "E[Y | do(A=1)] - E[Y | do(A=0)]"):
        found = umbel.solve(graph, question, study)
        plain = umbel.solve(graph, question, umbel.Study({**NUMBERS, "A": hollow}, unit=unit))
        assert found.value == plain.value
        assert found.bounds == plain.bounds
        assert found.value is not None or found.bounds is not None
    undeclared = umbel.Study(path if home == "file" else names, unit=unit)
    with pytest.raises(QuestionError, match=r'if "NA" means missing, declare missing = \["NA"\]'):
        umbel.solve(graph, "P(Y=1 | do(A=1))", undeclared)


def test_means_of_numbers_beside_a_word_for_missing() -> None:
    text = np.round(RNG.normal(size=SIZE), 3).astype(str).astype(object)
    text[::50] = "NA"
    study = umbel.Study({**NUMBERS, "Y": text}, variables={"Y": {"missing": ["NA"]}})
    kept = text != "NA"
    assert umbel.solve(FLAT, "E[Y | do(A=1)]", study).value == pytest.approx(
        text[kept & (A == 1)].astype(float).mean(), abs=0.2
    )


@pytest.mark.parametrize("question", ["E[Y | do(A ~ Bernoulli(0.3))]", "ATE(A, Y)", "ETT(A, Y)"])
def test_one_and_two_are_not_zero_and_one(question: str) -> None:
    coded = umbel.Study({**NUMBERS, "A": A + 1})
    with pytest.raises(QuestionError, match=r"'A' is 1 or 2 in the data.*`states A = \{ 1 < 2 \}`"):
        umbel.solve(FLAT, question, coded)
    declared = umbel.solve(FLAT + "; states A = { 1 < 2 }", question, coded)
    assert declared.value == umbel.solve(FLAT, question, umbel.Study(NUMBERS)).value
    here = umbel.Study({**NUMBERS, "A": A + 1}, variables={"A": {"states": [1, 2]}})
    if "Bernoulli" not in question:  # spelled out before any table is read
        with pytest.raises(QuestionError, match=r"which the graph has to give: add `states A = \{ 1 < 2 \}`"):
            umbel.solve(FLAT, question, here)
    else:
        assert umbel.solve(FLAT, question, here).value == declared.value
        line = "A ~ Bernoulli(…) is the probability of A = 2, the second of its states."
        assert line in declared.assumptions
        assert line in umbel.solve(FLAT, question, here).assumptions
        assert not any(
            "second of its states" in one for one in umbel.solve(FLAT, question, umbel.Study(NUMBERS)).assumptions
        )


def test_effects_in_classes_need_an_order_of_words() -> None:
    u = RNG.integers(0, 2, 2000)
    views = {f"X{i}": (RNG.random(2000) < 0.2 + 0.6 * u) * 1 for i in (1, 2, 3)}
    treated = (RNG.random(2000) < 0.3 + 0.4 * u) * 1
    y = (RNG.random(2000) < 0.2 + 0.3 * treated * u + 0.3 * u) * 1
    graph, question = "classes U = 2; U -> { X1 X2 X3 T Y }; T -> Y", "MTE(T, Y | U)"
    words = {**views, "T": np.array(["placebo", "drug"])[treated], "Y": y}
    with pytest.raises(QuestionError, match=r"'T' holds words \(drug, placebo\), and MTE\(T, Y \| U\) does not say"):
        umbel.solve(graph, question, umbel.Study(words))
    with pytest.raises(QuestionError, match=r"'T' is 1 or 2 in the data"):
        umbel.solve(graph, question, umbel.Study({**views, "T": treated + 1, "Y": y}))
    found = umbel.solve(graph + "; states T = { placebo < drug }", question, umbel.Study(words))
    plain = umbel.solve(graph, question, umbel.Study({**views, "T": treated, "Y": y}))
    assert found.classes is not None
    assert plain.classes is not None
    assert [one.effect for one in found.classes] == [one.effect for one in plain.classes]


def test_digits_beside_a_declared_word_for_missing_are_numbers() -> None:
    holed = [str(one) for one in Y]
    holed[3] = "NA"
    study = umbel.Study({**NUMBERS, "Y": holed}, variables={"Y": {"missing": ["NA"]}})
    assert umbel.solve(BOW, "PNS(A, Y)", study).bounds is not None
    with pytest.raises(QuestionError, match=r'Y = "1", a text, and .* holds numbers'):
        umbel.solve(BOW, 'P(Y[A=1]="1", Y[A=0]="0")', study)
