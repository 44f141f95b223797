"""Free variables that make no difference: the formula leaves them out, and the answer has their rows all the same."""

from __future__ import annotations

import numpy as np
import pytest

import umbel

GRAPH = "G -> { B Y }; B -> Y; L"


def rows(rng: np.random.Generator) -> dict[str, np.ndarray]:
    g, b, lone = rng.integers(0, 2, (3, 600))
    return {"G": g, "B": b, "Y": b + g + rng.normal(size=600), "L": np.array(["x", "y"])[lone], "N": rng.random(600)}


@pytest.mark.parametrize("name", [None, "cells", "kernels"])
@pytest.mark.parametrize(
    ("free", "at"),
    [
        ("E[Y | do(L)]", "E[Y]"),
        ("E[Y | do(B=1), L]", "E[Y | do(B=1)]"),
        ("E[Y | do(B=1), L, G=1]", "E[Y | do(B=1), G=1]"),
        ("P(B=1 | do(L))", "P(B=1)"),
    ],
)
def test_every_value_has_the_same_row(name: str | None, free: str, at: str) -> None:
    data = rows(np.random.default_rng(0))
    data["L"][:20] = ""  # a hole in what is not read costs no row
    method = umbel.MethodSpec() if name is None else umbel.MethodSpec(name=name)
    every = umbel.solve(GRAPH, free, umbel.Study(data), method=method)
    one = umbel.solve(GRAPH, at, umbel.Study(data), method=method)
    assert one.value is not None
    assert [row.given for row in every.rows()] == [(("L", "x"),), (("L", "y"),)]
    assert [row.value for row in every.rows()] == pytest.approx([one.value] * 2, abs=1e-9)


def test_a_number_that_is_not_read_has_no_rows() -> None:
    graph = GRAPH + "; N"
    answer = umbel.solve(graph, "E[Y | do(B=1), N]", umbel.Study(rows(np.random.default_rng(1))))
    assert answer.refusal is not None
    assert answer.refusal.why == "N makes no difference to the answer."


def test_several_studies() -> None:
    """A trial carried to a register, by a variable that makes no difference."""
    rng = np.random.default_rng(2)
    trial, register = rows(rng), rows(rng)
    studies = (
        umbel.Study({name: trial[name] for name in "GBY"}, do=["B"], selected=["G"]),
        umbel.Study({name: register[name] for name in "GL"}),
    )
    graph = "latent U; U -> { B Y }; G -> { B Y }; B -> Y; L"
    plain = umbel.solve(graph, "E[Y | do(B=1)]", *studies)
    every = umbel.solve(graph, "E[Y | do(B=1), L]", *studies)
    assert plain.value is not None
    assert [row.value for row in every.rows()] == pytest.approx([plain.value] * 2, abs=1e-9)
