"""Missing values and selected rows: what they leave known, on laws where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from umbel.estimate.bounds import BoundsFound, BoundsMethod, bound
from umbel.estimate.bounds_arrays import Records, blocks_of, polynomial_of
from umbel.graph.mixed import Graph
from umbel.identification.bounds import programmes
from umbel.model.query import Question
from umbel.numerics.multilinear import value

INSIDE = 2e-3  # EM stops when the likelihood stands still, not at the exact law


def cells(size: int) -> np.ndarray:
    return np.indices((2,) * size).reshape(size, -1).T.astype(np.int64)


def test_values_missing_at_random_in_one_component_leave_the_exact_bounds() -> None:
    ((_, programme),) = programmes(Graph.parse("A -> Y; A <-> Y"), Question.parse("PNS(A, Y)"), {}, whole=True)
    law = np.array([0.5, 0.1, 0.2, 0.2])
    whole = bound(programme, [Records(cells(2), law, population=True)], rng=np.random.default_rng(0))
    # A third of the rows lose Y, whatever they hold.
    lost = np.array([[0, -1], [1, -1]])
    codes = np.concatenate([cells(2), lost])
    counts = np.concatenate([law * 2 / 3, np.array([0.6, 0.4]) / 3])
    part = bound(programme, [Records(codes, counts, population=True)], rng=np.random.default_rng(0))
    assert isinstance(whole, BoundsFound) and isinstance(part, BoundsFound)
    assert part.bounds.kind == "sharp"
    assert (part.bounds.lower, part.bounds.upper) == pytest.approx((whole.bounds.lower, whole.bounds.upper), abs=1e-4)


def test_a_missing_covariate_ties_components_together() -> None:
    graph = Graph.parse("Z -> A -> Y <- Z; A <-> Y")
    ((_, programme),) = programmes(graph, Question.parse("PNS(A, Y)"), {}, whole=True)
    blocks = blocks_of(programme)
    laws = [np.random.default_rng(2).dirichlet(np.ones(block.states)) for block in blocks]
    codes = cells(3)
    chances = np.prod([block.agrees(codes) @ law for block, law in zip(blocks, laws, strict=True)], axis=0)
    sharp = bound(programme, [Records(codes, chances, population=True)], rng=np.random.default_rng(0))
    hidden = codes.copy()
    hidden[:, programme.names.index("Z")] = -1
    both = Records(np.concatenate([codes, hidden]), 500 * np.concatenate([chances, chances]))
    found = bound(programme, [both], rng=np.random.default_rng(0), method=BoundsMethod(restarts=40))
    assert isinstance(found, BoundsFound) and isinstance(sharp, BoundsFound)
    assert found.bounds.kind == "inner"
    assert found.engine == "causal EM"
    assert sharp.bounds.lower is not None and sharp.bounds.upper is not None
    assert found.bounds.lower is not None and found.bounds.upper is not None
    assert sharp.bounds.lower - INSIDE <= found.bounds.lower <= found.bounds.upper <= sharp.bounds.upper + INSIDE
    assert found.bounds.upper - found.bounds.lower >= 0.5 * (sharp.bounds.upper - sharp.bounds.lower)


def test_rows_kept_by_the_outcome() -> None:
    """Rows are kept when S = 1, and S follows Y: the exact interval from a program of its own."""
    graph = Graph.parse("A -> Y -> S; A <-> Y")
    ((_, programme),) = programmes(graph, Question.parse("PNS(A, Y)"), {}, whole=True)
    blocks = blocks_of(programme)
    laws = [np.random.default_rng(5).dirichlet(np.ones(block.states)) for block in blocks]
    codes = cells(3)
    chances = np.prod([block.agrees(codes) @ law for block, law in zip(blocks, laws, strict=True)], axis=0)
    at = programme.names.index("S")
    kept = codes[:, at] == 1
    record = Records(codes[kept], 1000 * chances[kept] / chances[kept].sum(), selected=(at, 1))
    found = bound(programme, [record], rng=np.random.default_rng(0), method=BoundsMethod(restarts=30))
    assert isinstance(found, BoundsFound)
    assert found.bounds.kind == "inner"
    truth = value(polynomial_of(programme.numerator, blocks), laws)
    whole = bound(programme, [Records(codes, chances, population=True)], rng=np.random.default_rng(0))
    assert isinstance(whole, BoundsFound)
    # Selection hides the rate of the kept: bounds can only widen, and the restarts reach beyond the full table's.
    assert found.bounds.lower is not None and found.bounds.upper is not None
    assert whole.bounds.lower is not None and whole.bounds.upper is not None
    assert found.bounds.upper - found.bounds.lower >= 0.9 * (whole.bounds.upper - whole.bounds.lower)
    assert 0 <= truth <= 1


@pytest.mark.parametrize("missing", [None, "NA"])
def test_rows_with_holes_reach_the_answer(missing: str | None) -> None:
    rng = np.random.default_rng(0)
    treatment, outcome = rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    shown = [None if hole else str(value) for value, hole in zip(outcome, rng.random(400) < 0.2, strict=True)]
    words = [missing if one is None else one for one in shown]
    rows = {"A": [str(one) for one in treatment], "Y": words}
    study = umbel.Study(rows, variables={"Y": {"missing": [missing]}} if missing else None)
    asked = ("1", "0") if missing else ('"1"', '"0"')  # digits beside a declared word for missing are numbers
    answer = umbel.solve("A -> Y; A <-> Y", 'P(Y[A="1"]={}, Y[A="0"]={})'.format(*asked), study)
    assert answer.verdict == "bounded"
    assert answer.bounds is not None and answer.bounds.kind == "sharp"
    assert answer.bounds.upper == pytest.approx(0.5, abs=0.1)


def test_a_trial_that_does_not_measure_the_covariate() -> None:
    rows = {"T": [1, 1, 0, 0] * 2, "G": [0] * 4 + [1] * 4, "S": [1, 0] * 4}
    observed = umbel.Study({**rows, "n": [378, 1022, 420, 180, 980, 420, 420, 180]}, count="n")
    pooled = {"T": [1, 1, 0, 0], "S": [1, 0, 1, 0], "n": [979, 1021, 420, 1580]}
    answer = umbel.solve("G -> T -> S <- G; T <-> S", "PNS(T, S)", observed, umbel.Study(pooled, count="n", do="T"))
    assert answer.bounds is not None
    assert answer.bounds.kind == "inner"
    assert answer.bounds.lower is not None and answer.bounds.upper is not None
    # Measuring gender in the trial gives the point .3845; not measuring it cannot say more.
    assert answer.bounds.lower <= 0.3845 + 5e-3 and answer.bounds.upper >= 0.3845 - 5e-3


def test_an_outcome_missing_at_random_leaves_the_exact_bounds_beside_covariates() -> None:
    """Y is lost at a rate that follows A and Z, which are seen: the face of likeliest laws is that of whole rows."""
    law = np.random.default_rng(11).dirichlet(np.ones(8))
    names = ["Z", "A", "Y"]
    seen = cells(3)
    lost = np.array([0.1, 0.5, 0.3, 0.7])[2 * seen[:, 0] + seen[:, 1]]
    rows = [[*map(str, cell), chance * (1 - rate)] for cell, chance, rate in zip(seen, law, lost, strict=True)]
    rows += [[str(z), str(a), "", chance * rate] for (z, a, _), chance, rate in zip(seen, law, lost, strict=True)]
    holed = {name: [row[at] for row in rows] for at, name in enumerate([*names, "n"])}
    whole = {name: [str(cell[at]) for cell in seen] for at, name in enumerate(names)} | {"n": law}
    graph = "Z -> { A Y }; A -> Y; A <-> Y"
    for question in ('P(Y[A="1"]="1", Y[A="0"]="0")', 'P(Y[A="0"]="0" | A="1", Y="1", Z="1")'):
        part = umbel.solve(graph, question, umbel.Study(holed, count="n"))
        full = umbel.solve(graph, question, umbel.Study(whole, count="n"))
        assert part.bounds is not None and full.bounds is not None
        assert part.bounds.kind == full.bounds.kind == "sharp"
        assert part.bounds.lower == pytest.approx(full.bounds.lower, abs=1e-4)
        assert part.bounds.upper == pytest.approx(full.bounds.upper, abs=1e-4)


def test_a_missing_cause_is_bounded_from_inside_the_grid() -> None:
    """Z is lost in half the rows and tells of A and Y: EM ends within the interval of whole rows, in most of it."""
    graph = "Z -> { A Y }; A -> Y; A <-> Y"
    law = np.random.default_rng(12).dirichlet(np.ones(8))
    seen = cells(3)
    rows = [[str(z), str(a), str(y), chance / 2] for (z, a, y), chance in zip(seen, law, strict=True)]
    rows += [["", str(a), str(y), chance / 2] for (_, a, y), chance in zip(seen, law, strict=True)]
    holed = {name: [row[at] for row in rows] for at, name in enumerate(["Z", "A", "Y", "n"])}
    whole = {name: [str(cell[at]) for cell in seen] for at, name in enumerate(["Z", "A", "Y"])} | {"n": law}
    question = 'P(Y[A="1"]="1", Y[A="0"]="0")'
    part = umbel.solve(graph, question, umbel.Study(holed, count="n"))
    full = umbel.solve(graph, question, umbel.Study(whole, count="n"))
    assert part.bounds is not None and full.bounds is not None
    assert part.bounds.kind == "inner"
    assert part.bounds.lower is not None and part.bounds.upper is not None
    assert full.bounds.lower is not None and full.bounds.upper is not None
    assert full.bounds.lower - INSIDE <= part.bounds.lower <= part.bounds.upper <= full.bounds.upper + INSIDE
    assert part.bounds.upper - part.bounds.lower >= 0.8 * (full.bounds.upper - full.bounds.lower)


@pytest.mark.parametrize("seed", [0, 13])
def test_more_rows_of_one_law_lose_no_inner_bounds(seed: int) -> None:
    """Among a million million rows no two restarts end within a tenth of a nat: one had been the whole interval."""
    graph = "X -> D; Z -> D; Z <-> D; states X = 2; states Z = 2; states D = 2"
    types = cells(5)  # Z, then D where (Z, X) is 00, 01, 10, 11
    law = np.random.default_rng(seed).dirichlet(np.ones(len(types)))
    rate = np.array([0.3, 0.7])  # of X

    def study(size: float, names: str, sets: str) -> umbel.Study:
        found: dict[tuple[int, ...], float] = {}
        for kind, chance in zip(types, law, strict=True):
            for x in (0, 1):
                for z in (0, 1) if sets == "Z" else (int(kind[0]),):
                    for d in (0, 1) if sets == "D" else (int(kind[1 + 2 * z + x]),):
                        cell = tuple({"X": x, "Z": z, "D": d}[name] for name in names)
                        found[cell] = found.get(cell, 0.0) + chance * rate[x] / (2 if sets else 1)
        rows = {name: [cell[at] for cell in found] for at, name in enumerate(names)}
        return umbel.Study(rows | {"n": [round(size * one) for one in found.values()]}, count="n", do=sets or ())

    def ends(size: float) -> tuple[float | None, float | None]:
        studies = [study(size, "ZD", ""), study(size, "ZD", "Z"), study(size, "DXZ", "D")]
        found = umbel.solve(graph, "P(D=1 | do(X=1), Z=0)", *studies).bounds
        assert found is not None and found.kind == "inner"
        return found.lower, found.upper

    assert ends(2e12) == pytest.approx(ends(2e3), abs=0.02)
