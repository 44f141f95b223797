"""Studies that say nothing of what is asked: the bounds, certified or not, are those without them."""

from __future__ import annotations

import pytest

import umbel

LAW = {"Z": [0] * 4 + [1] * 4, "A": [0, 0, 1, 1] * 2, "Y": [0, 1] * 4, "n": [300, 100, 60, 140, 90, 60, 200, 250]}
ALONE = {"Irr": [0, 1, 1]}
ABOVE = {"W": [0, 1, 1, 0], "Z": [0, 1, 0, 0]}
SET = {"W": [0, 1, 1, 0], "Z": [0, 1, 0, 0], "A": [0, 1, 0, 1]}


@pytest.mark.parametrize(
    ("more", "other"),
    [
        ("Irr", umbel.Study(ALONE)),
        ("W -> Z", umbel.Study(ABOVE)),
        ("W -> Z", umbel.Study(SET, do="A")),  # A was set: nothing that the question reads answered
    ],
)
@pytest.mark.parametrize("question", ["PNS(A, Y)", "E[Y | do(A=1)]"])
def test_a_silent_study_changes_nothing(question: str, more: str, other: umbel.Study) -> None:
    graph, study = "Z -> A -> Y; A <-> Y", umbel.Study(LAW, count="n")
    alone = umbel.solve(graph, question, study)
    beside = umbel.solve(f"{graph}; {more}", question, study, other)
    assert alone.bounds is not None and alone.bounds.kind == "sharp"
    assert beside.bounds == alone.bounds


def test_studies_that_contradict_the_graph_are_told_beside_a_silent_one() -> None:
    """Were the silent study heard, its holes would hand the others to EM, which tests nothing."""
    observed = umbel.Study({"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "n": [390, 160, 260, 390]}, count="n")
    trial = umbel.Study({"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "n": [20, 480, 490, 10]}, count="n", do="A")
    for more in ((), (umbel.Study(ALONE),)):
        answer = umbel.solve("A -> Y; A <-> Y; Irr", "PNS(A, Y)", observed, trial, *more)
        assert answer.verdict == "unidentified"
        assert answer.certificate is not None and answer.certificate.kind == "incompatible"


def test_an_effect_of_the_components_is_heard() -> None:
    """A child of Y, measured alone with A, narrows the bounds: no study of descendants is silent."""
    law = {"A": [0, 0, 1, 1], "V": [0, 1, 0, 1], "n": [400, 100, 100, 400]}
    answer = umbel.solve("A -> Y -> V; A <-> Y", "PNS(A, Y)", umbel.Study(LAW, count="n"), umbel.Study(law, count="n"))
    assert answer.bounds is not None and answer.bounds.kind == "inner"


@pytest.mark.parametrize("hole", [False, True])
def test_a_variable_that_bounds_do_not_read_keeps_no_contradiction_silent(hole: bool) -> None:
    """V follows Y and one study misses it: what both say of A and Y is compared all the same, or the doubt is told."""
    seen = {"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "n": [390, 160, 260, 390]}
    observed = {name: [*values, *values] for name, values in seen.items()} | {"V": [0] * 4 + [1] * 4}
    if hole:
        observed["Y"][0] = None
    trial = {"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "n": [20, 480, 490, 10]}
    studies = umbel.Study(observed, count="n"), umbel.Study(trial, count="n", do="A")
    answer = umbel.solve("A -> Y -> V; A <-> Y", "PNS(A, Y)", *studies)
    failed = [check for check in answer.checks if not check.passed and check.name == "compatibility"]
    assert failed
    assert answer.verdict == ("bounded" if hole else "unidentified")
