"""The road as a user walks it in Python: texts and tables in, one Answer out, nothing lost on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import umbel
from umbel.config.problem import MethodSpec
from umbel.model.source import Experiment
from umbel.pipeline.problem import Problem, identify, solve

GRAPH = "plate student { A Y }; latent U; U -> { A Y }; A -> Y"
EFFECT = "E[Y | do(A=1)] - E[Y | do(A=0)]"
SUMMARY = {"of": "E[Y | A=1] - E[Y | A=0]", "value": "effect", "se": "se"}
SCHOOLS = {
    "school": list("ABCDEFGH"),
    "effect": [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0],
    "se": [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0],
}
PUBLISHED = MethodSpec(level=0.9, location=5.0, scale=5.0)
L1 = (4.397, 3.318, -1.083, 9.817)  # Weinstein and Blei (2026), L.1, by quadrature


def schools(scale: float = 1.0, **more: object) -> umbel.Study:
    table = {
        "school": SCHOOLS["school"],
        "effect": [scale * x for x in SCHOOLS["effect"]],
        "se": [scale * x for x in SCHOOLS["se"]],
        **more,
    }
    return umbel.Study(units=table, unit="school", summaries=[SUMMARY])


def figures(answer: umbel.Answer) -> tuple[float, ...]:
    assert answer.estimate is not None
    assert answer.estimate.interval is not None
    return (answer.estimate.value, answer.estimate.se, *answer.estimate.interval)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "graph",
    [
        GRAPH,
        "plate student { X A Y }; X -> Y <- A",  # figure 11a
        "plate student { X A Y }; latent U; U -> { A X Y }; X -> Y <- A",  # figure 11b
    ],
)
def test_eight_schools_under_each_graph_that_gives_the_same_formula(graph: str) -> None:
    answer = solve(graph, EFFECT, schools(), method=PUBLISHED)
    assert figures(answer) == pytest.approx(L1, abs=0.01)
    assert answer.value == pytest.approx(4.397, abs=0.01)
    hidden = any("does not measure X" in remark for remark in answer.remarks)
    assert hidden == ("X" in graph)


def test_ten_times_the_data_is_ten_times_the_answer() -> None:
    once, ten = solve(GRAPH, EFFECT, schools()), solve(GRAPH, EFFECT, schools(10.0))
    assert figures(ten) == pytest.approx(tuple(10.0 * x for x in figures(once)), rel=1e-9)
    assert any("Priors" in assumption for assumption in ten.assumptions)


def test_a_contrast_turned_round_changes_its_sign() -> None:
    turned = solve(GRAPH, "E[Y | do(A=0)] - E[Y | do(A=1)]", schools(), method=PUBLISHED)
    assert figures(turned) == pytest.approx((-L1[0], L1[1], -L1[3], -L1[2]), abs=0.01)


def test_same_rng_same_answer_and_the_seed_is_reported() -> None:
    one, two = (solve(GRAPH, EFFECT, schools(), rng=np.random.default_rng(3)) for _ in range(2))
    assert figures(one) == figures(two)
    assert one.to_dict()["estimate"]["seed"] is None
    assert solve(GRAPH, EFFECT, schools()).to_dict()["estimate"]["seed"] == 0


def test_a_summary_of_something_else_gives_the_reason_and_no_number() -> None:
    study = umbel.Study(units=SCHOOLS, unit="school", summaries=[{**SUMMARY, "of": "E[Y | A=1]"}])
    answer = solve(GRAPH, EFFECT, study)
    assert (answer.verdict, answer.value) == ("identified", None)
    assert answer.refusal is not None
    assert "Why there is no number" in answer.summary()


def test_no_is_an_answer_whatever_the_data() -> None:
    answer = solve("plate student { A Y }; A -> Y; A <-> Y", EFFECT, schools())
    assert (answer.verdict, answer.value, answer.estimate) == ("unidentified", None, None)
    assert answer.certificate is not None


def test_a_treatment_without_effect_is_exactly_zero_before_any_data() -> None:
    answer = solve("Y -> A", EFFECT)
    assert answer.verdict == "identified"
    assert answer.estimand is not None
    assert answer.estimand.strategy == "no effect"
    assert answer.estimand.text == "0"


def test_texts_and_values_are_the_same() -> None:
    graph, question = umbel.Graph.parse(GRAPH), umbel.Question.parse(EFFECT)
    assert Problem(graph, question).identify() == Problem(GRAPH, EFFECT).identify() == identify(GRAPH, EFFECT)


def test_the_door_is_strict() -> None:
    with pytest.raises(umbel.QuestionError, match="Did you mean 'Score'"):
        Problem("Tutoring -> Score", "E[Scor | do(Tutoring=1)]")
    with pytest.raises(umbel.QuestionError, match="'X', which the study does not measure"):
        solve("plate student { X A Y }; X -> Y <- A", "E[X | do(A=1)]", schools())
    with pytest.raises(umbel.ProblemError, match="there is no estimator 'untis'"):
        solve(GRAPH, EFFECT, schools(), method=MethodSpec(name="untis"))


def test_experiments_are_checked_by_name() -> None:
    assert identify("Z -> A -> Y", "P(Y | do(A))", [()]).identified
    with pytest.raises(umbel.QuestionError, match="leaves nothing observed"):
        identify("A -> Y", "P(Y | do(A))", [])
    with pytest.raises(umbel.GraphError, match="'B' is no variable"):
        identify("A -> Y", "P(Y | do(A))", [("B",)])
    with pytest.raises(umbel.QuestionError, match="is no list"):
        identify("A -> Y", "P(Y | do(A))", "A")
    assert not identify("A -> Y; A <-> Y", "P(Y | do(A))").identified
    assert identify("A -> Y; A <-> Y", "P(Y | do(A))", [(), ("A",)]).identified
    assert identify("A -> Y; A <-> Y", "P(Y | do(A))", "all").identified
    partial = identify("A -> Y; X -> { A Y }", "P(Y | do(A))", [Experiment(observed=("A", "Y"))])
    assert not partial.identified  # X counts as hidden


def test_problem_files(tmp_path: Path) -> None:
    rows = zip(SCHOOLS["school"], SCHOOLS["effect"], SCHOOLS["se"], strict=True)
    lines = ["school,effect,se", *(f"{name},{effect},{se}" for name, effect, se in rows)]
    (tmp_path / "schools.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    head = f'title = "Coaching"\nassumptions = ["mine"]\ngraph = "{GRAPH}"\n'
    tail = (
        '[[study]]\nunits = "schools.csv"\nunit = "school"\nsummaries = [{ of = "%s", value = "effect", se = "se" }]\n'
    )
    tail = tail % SUMMARY["of"] + "[method]\nlevel = 0.9\nlocation = 5\nscale = 5\n"
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text(f'{head}question = "{EFFECT}"\n{tail}', encoding="utf-8")
    two.write_text(f'{head}question = ["{EFFECT}", "P(Y | do(A ~ q))"]\n{tail}', encoding="utf-8")
    answer = Problem.load(one).solve()
    assert figures(answer) == pytest.approx(L1, abs=0.01)
    assert (answer.title, answer.assumptions[0]) == ("Coaching", "mine")
    with pytest.raises(umbel.ProblemError, match=r"Use Problem\.load_all"):
        Problem.load(two)
    assert [problem.identify().identified for problem in Problem.load_all(two)] == [True, True]


def test_an_interval_without_width_is_doubted_where_data_are_read() -> None:
    rows = {"A": [1, 1, 0, 0, 1, 1], "Y": [0, 0, 1, 0, 0, 0], "B": [1, 0, 1, 0, 0, 1]}
    agreeing = umbel.solve("A -> Y; B", "E[Y | do(A=1)]", umbel.Study(rows))
    assert agreeing.estimate is not None and agreeing.estimate.se == 0.0
    assert any(check.name == "spread" and not check.passed for check in agreeing.checks)
    nothing = umbel.solve("A -> Y; B", "E[B | do(A=1)] - E[B | do(A=0)]", umbel.Study(rows))
    assert nothing.value == 0.0 and not any(check.name == "spread" for check in nothing.checks)


def test_the_level_is_told_as_it_was_asked() -> None:
    """0.975 was told as 98%."""
    study = umbel.Study({"A": [0, 1] * 20, "Y": list(range(40))})
    answer = umbel.solve("A -> Y", "E[Y | do(A=1)]", study, method=umbel.MethodSpec(level=0.975))
    assert any("The 97.5% interval" in line for line in answer.assumptions)
    assert "97.5% interval" in answer.summary()


def test_a_study_that_is_not_read_is_named() -> None:
    """Two registers alike: the second was left aside without a word."""
    one = umbel.Study({"A": [0, 1] * 20, "Y": list(range(40))})
    two = umbel.Study({"A": [0, 1] * 20, "Y": list(range(40, 80))})
    answer = umbel.solve("A -> Y", "E[Y | do(A=1)]", one, two)
    assert answer.value == umbel.solve("A -> Y", "E[Y | do(A=1)]", one).value
    assert any("Nothing is read of study 2" in remark for remark in answer.remarks)
    assert not any("Nothing is read" in remark for remark in umbel.solve("A -> Y", "E[Y | do(A=1)]", one).remarks)
