"""Wrong input to bounds: one line that says what, which value, where, what was possible."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import umbel
from umbel.errors import InputError

BOW = "A -> Y; A <-> Y"
CELLS = {"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "n": [40, 60, 20, 10]}


def study(columns: dict[str, list[object]] | None = None, **design: object) -> umbel.Study:
    return umbel.Study({**CELLS, **(columns or {})}, count="n", **design)  # type: ignore[arg-type]


def many(names: str, size: int) -> umbel.Study:
    cells = np.indices((size,) * len(names)).reshape(len(names), -1)
    return umbel.Study({**{name: cells[at] for at, name in enumerate(names)}, "n": np.ones(cells.shape[1])}, count="n")


CASES: dict[str, tuple[Callable[[], object], str]] = {
    "negative counts": (lambda: umbel.solve(BOW, "PNS(A, Y)", study({"n": [4, -60, 2, 1]})), "counts -60 in row 2"),
    "counts that are no numbers": (
        lambda: umbel.solve(BOW, "PNS(A, Y)", study({"n": [4, float("nan"), 2, 1]})),
        "counts nan in row 2",
    ),
    "no counts": (lambda: umbel.solve(BOW, "PNS(A, Y)", study({"n": [0, 0, 0, 0]})), "its counts are all 0"),
    "counts that name no state": (
        lambda: umbel.solve(f"{BOW}; states A = 2", "PNS(A, Y)", study({"A": [0, 0, 1, 3]})),
        "A holds 3, which is none of its states: 0, 1",
    ),
    "studies over different states": (
        lambda: umbel.solve(BOW, "PNS(A, Y)", study(), study({"A": ["a", "a", "b", "b"]}, do="A")),
        "'A' has the values 0, 1 in study 1 and a, b in study 2",
    ),
    "states declared in two ways": (
        lambda: umbel.solve(
            BOW,
            "PNS(A, Y)",
            study(variables={"A": {"states": [0, 1]}}),
            study(variables={"A": {"states": [0, 1, 2]}}, do="A"),
        ),
        "'A' has the states 0, 1 in one study and 0, 1, 2 in another",
    ),
    "a trial that does not say what it set": (
        lambda: umbel.solve(BOW, "PNS(A, Y)", study(), umbel.Study({"Y": [0, 1], "n": [5, 6]}, count="n", do="A")),
        "set 'A' and has no column of it",
    ),
    "a trial of a cause that nobody measures": (
        lambda: umbel.solve(
            f"Z -> {BOW}", "PNS(A, Y)", study(), umbel.Study({"Y": [0, 1], "n": [5, 6]}, count="n", do="Z")
        ),
        "set 'Z' and has no column of it",
    ),
    "a trial of what is not in the graph": (
        lambda: umbel.solve(BOW, "PNS(A, Y)", study({"B": [0, 1, 0, 1]}, do="B")),
        "'B' is no variable of the graph",
    ),
    "one arm alone": (
        lambda: umbel.solve(BOW, "PNS(A, Y)", umbel.Study({"A": [1, 1], "Y": [0, 1]}, do="A")),
        "A has one state, 1, so nothing is compared",
    ),
    "evidence of probability zero": (
        lambda: umbel.solve(BOW, "PN(A, Y)", study({"n": [4, 6, 2, 0]})),
        "has probability 0 in these data",
    ),
    "too many states": (
        lambda: umbel.solve("{ A B } -> Y; A <-> Y; B <-> Y", "P(Y[A=1, B=1]=1, Y[A=0, B=0]=0)", many("ABY", 5)),
        "more than 70,000 response functions. Fewer states, `assume monotone`",
    ),
    "a selection that no column tells": (
        lambda: umbel.solve(BOW, "PNS(A, Y)", study(selected="Q")),
        "'Q' is no variable of the graph",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_input_is_one_line(case: str) -> None:
    work, words = CASES[case]
    with pytest.raises(InputError) as caught:
        work()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_too_large_leaves_the_no_with_its_size() -> None:
    graph = "{ B C D E } -> { A Y }; A -> Y; A <-> Y; B <-> C"
    answer = umbel.solve(graph, "PNS(A, Y)", many("BCDEAY", 2))
    if answer.verdict == "unidentified":
        assert any("more than" in remark for remark in answer.remarks)


def equations(table: list[int]) -> umbel.Equations:
    return umbel.Equations.from_dict(
        {"states": {"A": 2, "Y": 2}, "exogenous": {"U": 2}, "equations": {"A": {"inputs": ["U"], "table": table}}}
    )


def test_an_equation_that_cannot_produce_a_record_shows_it() -> None:
    graph = "latent U; U -> A -> Y; A <-> Y"
    never = umbel.Problem(graph, "PNS(A, Y)", [study()], equations=equations([0, 0])).solve()
    assert never.verdict == "unidentified" and never.certificate is not None
    assert never.certificate.kind == "incompatible"
    assert "cannot produce an observed record: A=1, Y=0" in never.certificate.text
    fine = umbel.Problem(graph, "PNS(A, Y)", [study()], equations=equations([0, 1])).solve()
    assert fine.verdict == "bounded"
    assert fine.bounds is not None and fine.bounds.upper == pytest.approx(50 / 130, abs=1e-6)


def test_variables_without_an_equation_have_every_response_function() -> None:
    """Y copies U; A is free: what is left is A's law given U."""
    given = umbel.Equations.from_dict(
        {
            "states": {"A": 2, "Y": 2},
            "exogenous": {"U": 2},
            "equations": {"Y": {"inputs": ["A", "U"], "table": [[0, 1], [1, 1]]}},
        }
    )
    answer = umbel.Problem(
        "latent U; U -> { A Y }; A -> Y", "PNS(A, Y)", [study({"n": [40, 60, 0, 30]})], equations=given
    )
    bounds = answer.solve().bounds
    assert bounds is not None
    # Y = max(A, U): PNS is P(U=0); 40 of 130 show it, the 30 treated may have either.
    assert (bounds.lower, bounds.upper) == pytest.approx((40 / 130, 70 / 130), abs=1e-6)
