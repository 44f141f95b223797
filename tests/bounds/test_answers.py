"""Bounds as Answers: verdicts without data, incompatible studies, equations, wrong input."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import umbel
from umbel import bound
from umbel.errors import InputError
from umbel.simulate.boolean import random_boolean

CONFOUNDED = "A -> Y; A <-> Y"
STATED = f"{CONFOUNDED}; states A = 2; states Y = 2"
EFFECT = "E[Y | do(A=1)] - E[Y | do(A=0)]"


def study(cells: list[int], **design: object) -> umbel.Study:
    rows = {"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "n": cells}
    return umbel.Study(rows, count="n", **design)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("graph", "question", "kind"),
    [
        (CONFOUNDED, "PNS(A, Y)", "linear"),
        (CONFOUNDED, "PN(A, Y)", "fractional"),
        ("A -> M -> Y; A <-> Y", "PNS(A, Y)", "multilinear"),
        (STATED, EFFECT, "linear"),
        ("Z -> A -> Y; A <-> Y; states Z = 2; states A = 2; states Y = 3", "P(Y=2 | do(A=1))", "linear"),
        (CONFOUNDED, "E[Y[A=1] | A=0] - E[Y[A=0] | A=0]", "fractional"),
    ],
)
def test_verdicts_without_data(graph: str, question: str, kind: str) -> None:
    verdict = umbel.identify(graph, question)
    assert isinstance(verdict, umbel.Bounded)
    assert verdict.kind == kind
    assert not verdict.identified
    assert verdict.verify()


@pytest.mark.parametrize(
    ("graph", "question"),
    [(CONFOUNDED, EFFECT), ("plate p { A Y }; latent U; U -> { A Y Z }; A -> Z -> Y; A -> Y", "P(Y | do(A ~ q))")],
)
def test_numbers_without_states_and_laws_of_units_stay_unidentified(graph: str, question: str) -> None:
    assert isinstance(umbel.identify(graph, question), umbel.Unidentified)


def test_the_answer_is_valid_json_with_rows() -> None:
    schema = json.loads(files("umbel.results").joinpath("answer.schema.json").read_text(encoding="utf-8"))
    answer = umbel.solve(CONFOUNDED, "PNS(A, Y)", study([50, 10, 20, 20]))
    jsonschema.Draft202012Validator(schema).validate(answer.to_dict())
    assert [row.kind for row in answer.rows()] == ["lower", "upper"]
    several = umbel.solve(STATED, "P(Y | do(A))", study([50, 10, 20, 20]))
    jsonschema.Draft202012Validator(schema).validate(several.to_dict())
    assert len(several.rows()) == 8
    assert "Bounds (sharp)" in answer.summary()


def test_studies_that_disagree_are_named() -> None:
    trial = study([900, 100, 900, 100], do="A")
    liar = study([100, 900, 100, 900], do="A")
    answer = umbel.solve(CONFOUNDED, "PNS(A, Y)", study([500, 100, 200, 200]), trial, liar)
    assert answer.verdict == "unidentified"
    assert answer.certificate is not None
    assert answer.certificate.kind == "incompatible"
    assert "study" in answer.certificate.text
    method = umbel.Problem(CONFOUNDED, "PNS(A, Y)").method
    nearest = umbel.solve(
        CONFOUNDED,
        "PNS(A, Y)",
        study([500, 100, 200, 200]),
        trial,
        liar,
        method=replace(method, despite_incompatibility=True),
    )
    assert nearest.verdict == "bounded"
    assert nearest.bounds is not None
    assert not nearest.checks[0].passed


def test_populations_are_judged_exactly() -> None:
    obs = [[0.5, 0.1], [0.2, 0.2]]
    bound.pns(obs, [[0.85, 0.15], [0.65, 0.35]])
    with pytest.raises(InputError, match="disagree"):
        bound.pns(obs, [[0.45, 0.55], [0.65, 0.35]])  # P(y | do x0) leaves no room for P(x0, y')


def test_assumptions_and_studies_never_widen() -> None:
    seen, trial = study([50, 10, 20, 20]), study([85, 15, 65, 35], do="A")
    widths = []
    for graph, studies in (
        (CONFOUNDED, (seen,)),
        (CONFOUNDED, (seen, trial)),
        (f"{CONFOUNDED}; assume monotone A -> Y", (seen, trial)),
    ):
        bounds = umbel.solve(graph, "PNS(A, Y)", *studies).bounds
        assert bounds is not None and bounds.lower is not None and bounds.upper is not None
        widths.append(bounds.upper - bounds.lower)
    assert widths == sorted(widths, reverse=True)


def test_given_equations_narrow(tmp_path: Path) -> None:
    model = random_boolean(4, rng=np.random.default_rng(3))
    states = dict(model.equations.states)
    exogenous = dict(model.equations.exogenous)
    equations = {
        one.variable: {
            "inputs": list(one.inputs),
            "table": np.array(one.values).reshape([(states | exogenous)[name] for name in one.inputs]).tolist(),
        }
        for one in model.equations.equations
    }
    text = json.dumps({"states": states, "exogenous": exogenous, "equations": equations})
    (tmp_path / "model.json").write_text(text, encoding="utf-8")
    codes, chances = model.law()
    names = model.programme().names
    lines = [
        ",".join([*names, "n"]),
        *(",".join(map(str, [*row, round(1e4 * p)])) for row, p in zip(codes, chances, strict=True)),
    ]
    (tmp_path / "rows.csv").write_text("\n".join(lines), encoding="utf-8")
    problem = f"""
graph = {json.dumps(model.graph.text())}
question = {json.dumps(str(model.question))}
equations = "model.json"
[[study]]
table = "rows.csv"
count = "n"
"""
    (tmp_path / "problem.toml").write_text(problem, encoding="utf-8")
    given = umbel.Problem.load(tmp_path / "problem.toml").solve()
    (tmp_path / "problem.toml").write_text(problem.replace('equations = "model.json"', ""), encoding="utf-8")
    free = umbel.Problem.load(tmp_path / "problem.toml").solve()
    assert given.bounds is not None and free.bounds is not None
    low, high, wide_low, wide_high = given.bounds.lower, given.bounds.upper, free.bounds.lower, free.bounds.upper
    assert low is not None and high is not None and wide_low is not None and wide_high is not None
    assert wide_low - 1e-6 <= low <= high <= wide_high + 1e-6
    assert low - 0.02 <= model.truth() <= high + 0.02


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "negative counts": (lambda: umbel.solve(CONFOUNDED, "PNS(A, Y)", study([5, -1, 2, 2])), "counts -1 in row 2"),
    "a state that is none": (
        lambda: umbel.solve("A -> Y; A <-> Y; states A = { x < y }", 'P(Y[A="x"]=1)', study([5, 1, 2, 2])),
        "none of its states",
    ),
    "evidence of probability zero": (
        lambda: umbel.solve(CONFOUNDED, "PN(A, Y)", study([5, 5, 5, 0])),
        "probability 0",
    ),
    "a value that is no state": (
        lambda: umbel.solve(STATED, "P(Y[A=7]=1, A=0)", study([5, 1, 2, 2])),
        "has no state 7",
    ),
    "too many values": (
        lambda: umbel.solve(CONFOUNDED, "P(Y[A=1]=1, A=0)", umbel.Study({"A": [0, 1] * 30, "Y": list(range(60))})),
        "60 different values",
    ),
    "a trial without its variable": (
        lambda: bound.query(CONFOUNDED, "PNS(A, Y)", trials={"A": umbel.Table(("Y",), [0.5, 0.5])}),
        "no axis 'A'",
    ),
    "no table": (lambda: bound.pns(), "need a table"),
    "another shape": (lambda: bound.pns([[1, 2, 3], [1, 2, 3]]), "has the shape"),
    "words": (lambda: bound.pns([["a", "b"], ["c", "d"]]), "no table of numbers"),
    "a level in per cent": (lambda: bound.pns([[45, 15], [10, 30]], level=95), "level is 95"),
    "negative probabilities": (lambda: bound.pns([[0.5, -0.1], [0.4, 0.2]]), "0 or more"),
    "free values": (
        lambda: bound.query(CONFOUNDED, "P(Y[A=1], A)", umbel.Table(("A", "Y"), np.full((2, 2), 0.25))),
        "leaves values free",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_line(case: str) -> None:
    work, words = WRONG[case]
    with pytest.raises(InputError, match=words) as caught:
        work()
    assert "\n" not in str(caught.value)


def test_too_many_response_functions_leave_the_verdict() -> None:
    """A "no" is an answer, also where its bounds are out of reach."""
    names = [f"V{i}" for i in range(9)]
    edges = [f"{a} -> {b}" for i, a in enumerate(names) for b in names[i + 1 : i + 4]]
    arcs = [f"{a} <-> {b}" for a, b in pairwise(names)]
    verdict = umbel.identify("; ".join([*edges, *arcs]), "P(V8[V0=1]=1 | V0=0)")
    assert isinstance(verdict, umbel.Unidentified)
    assert any(remark.startswith("Not bounded: ") for remark in verdict.remarks)


def test_terms_that_have_no_bounds_together_leave_the_verdict() -> None:
    verdict = umbel.identify("X -> Y; X <-> Y", "E[Y | do(X=1)] - E[Y[X=0] | X=1]")
    assert isinstance(verdict, umbel.Unidentified)
    assert verdict.remedies == ("rule out the hidden cause of X and Y",)
