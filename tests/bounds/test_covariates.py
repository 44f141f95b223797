"""Components taken apart by their covariates: the same bounds as whole, and closed forms where whole is too large."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import umbel
from tests.oracles.bounds.closed_forms import Binary, pns
from umbel import bound
from umbel.errors import DataError
from umbel.identification import bounds as lowering
from umbel.results.answer import Answer

EXACT = 1e-6
ONE = "Z -> { A Y }; A -> Y; A <-> Y"
TWO = "{ W Z } -> { A Y }; A -> Y; A <-> Y"
CASES = [
    (ONE, "PNS(A, Y)"),
    (ONE, "PN(A, Y)"),
    (ONE, "PS(A, Y | Z=1)"),
    (ONE, "ETT(A, Y)"),
    (ONE, "P(Y[A=1]=1 | Z=1, A=0, Y=0)"),
    (ONE, "P(Y[A=1, Z=1]=1, Y[A=0, Z=1]=0)"),
    (ONE, "P(Y[A=1, Z=1]=1, Y[A=1, Z=0]=0)"),  # two values of Z in one event: the component stays whole
    (TWO, "PNS(A, Y)"),
    ("W -> Z -> { A Y }; W -> Y; A -> Y; A <-> Y", "PNS(A, Y)"),
    ("Z -> { A M Y }; A -> M -> Y; A <-> Y", "PNS(A, Y)"),
    ("Z -> { A Y }; A -> Y; A <-> Y; assume monotone Z -> Y", "PNS(A, Y)"),
]


def tables(names: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells, and their chances when observed and when A is set: types of A and Y have a law for each setting."""
    rng = np.random.default_rng(len(names))
    cells = np.array(list(itertools.product((0, 1), repeat=len(names))))
    covariates = [at for at, name in enumerate(names) if name not in "AMY"]
    law = rng.dirichlet(np.ones(2 ** len(covariates)))
    a, y = names.index("A"), names.index("Y")
    types: dict[tuple[int, ...], np.ndarray] = {}
    seen, done = np.zeros(len(cells)), np.zeros(len(cells))
    for number, cell in enumerate(cells):
        setting = tuple(cell[covariates])
        chance = law[int("".join(map(str, setting)), 2)]
        table = types.setdefault(setting, rng.dirichlet(np.full(8, 0.6)).reshape(2, 2, 2))  # A, Y0, Y1
        response = table.sum(axis=2 if cell[a] == 0 else 1)  # A, Y under this A
        seen[number] = chance * response[cell[a], cell[y]]
        done[number] = chance * response[:, cell[y]].sum() / 2
    if "M" in names:  # M copies A in three of four
        copied = np.where(cells[:, names.index("M")] == cells[:, a], 0.75, 0.25)
        seen, done = seen * copied, done * copied
    return cells, seen / seen.sum(), done / done.sum()


def studies(names: list[str], *, trial: bool, size: int | None = None) -> list[umbel.Study]:
    """The laws as populations, or samples of them."""
    rng = np.random.default_rng(1)
    cells, seen, done = tables(names)
    found = []
    for law, do in ((seen, ()), (done, ("A",)))[: 1 + trial]:
        counts = law if size is None else rng.multinomial(size, law)
        columns = {name: cells[:, at] for at, name in enumerate(names)} | {"n": counts}
        found.append(umbel.Study(columns, count="n", do=do))
    return found


def numbers(answer: Answer) -> list[float]:
    assert answer.bounds is not None and answer.bounds.lower is not None and answer.bounds.upper is not None
    interval = answer.bounds.interval or (0.0, 0.0)
    return [answer.bounds.lower, answer.bounds.upper, *(one or 0.0 for one in interval)]


@pytest.mark.parametrize(("graph", "question"), CASES)
@pytest.mark.parametrize("trial", [False, True])
def test_taken_apart_or_whole(graph: str, question: str, trial: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name for name in ("W", "Z", "A", "M", "Y") if name in umbel.Graph.parse(graph).names]
    data = studies(names, trial=trial)
    whole = umbel.solve(graph, question, *data)
    monkeypatch.setattr(lowering, "SPLIT_ABOVE", 1)
    apart = umbel.solve(graph, question, *data)
    assert apart.verdict == whole.verdict
    if whole.verdict == "bounded":
        assert apart.bounds is not None and whole.bounds is not None
        assert apart.bounds.kind == whole.bounds.kind
        assert numbers(apart) == pytest.approx(numbers(whole), abs=EXACT)
    else:
        assert apart.value == pytest.approx(whole.value, abs=1e-5)


def test_sampling_intervals_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    data = studies(["Z", "A", "Y"], trial=True, size=2000)
    whole = umbel.solve(ONE, "PNS(A, Y)", *data)
    monkeypatch.setattr(lowering, "SPLIT_ABOVE", 1)
    apart = umbel.solve(ONE, "PNS(A, Y)", *data)
    assert numbers(apart) == pytest.approx(numbers(whole), abs=2e-3)
    assert any("for each of 2 values of Z" in step.detail for step in apart.steps)


def test_four_covariates_meet_the_closed_form() -> None:
    """Whole, this component would have 2^48 functions. Mueller, Li and Pearl: average the bounds of the strata."""
    names = ["P", "Q", "R", "S", "A", "Y"]
    graph = "latent U; U -> { P Q R S }; { P Q R S } -> { A Y }; A -> Y; A <-> Y"
    _, observed, trial = tables(names)
    wanted = np.zeros(2)
    for seen, done in zip(observed.reshape(16, 2, 2), trial.reshape(16, 2, 2), strict=True):
        weight = seen.sum()
        none, treated = done / done.sum(axis=1, keepdims=True)
        (XY, Xy), (xY, xy) = seen / weight
        one = Binary(xy=xy, xY=xY, Xy=Xy, XY=XY, y1=treated[1], y0=none[1])
        wanted += weight * np.array(pns(one, obs=True, rct=True))
    answer = umbel.solve(graph, "PNS(A, Y)", *studies(names, trial=True))
    assert answer.bounds is not None and answer.bounds.kind == "sharp"
    assert numbers(answer)[:2] == pytest.approx(wanted.tolist(), abs=EXACT)


def test_tables_on_arrays_take_covariates() -> None:
    names = ["P", "Q", "R", "A", "Y"]
    _, observed, trial = tables(names)
    graph = "latent U; U -> { P Q R }; { P Q R } -> { A Y }; A -> Y; A <-> Y"
    seen, done = (umbel.Table(tuple(names), one.reshape((2,) * 5)) for one in (observed, trial))
    found = bound.query(graph, "PNS(A, Y)", seen, trials={"A": done})
    answer = umbel.solve(graph, "PNS(A, Y)", *studies(names, trial=True))
    assert [found.lower, found.upper] == pytest.approx(numbers(answer)[:2], abs=EXACT)
    with pytest.raises(DataError, match="reads several components"):
        bound.query(graph, "PNS(A, Y)", seen, where=["P(Y[A=1]=0, Y[A=0]=1) <= 0.4"])


def test_a_trial_without_the_covariate_is_left_to_em() -> None:
    _, observed, trial = tables(["Z", "A", "Y"])
    seen = umbel.Table(("Z", "A", "Y"), observed.reshape(2, 2, 2))
    part = umbel.Table(("A", "Y"), trial.reshape(2, 2, 2).sum(axis=0))
    found = bound.query(ONE, "PNS(A, Y)", seen, trials={"A": part})
    whole = bound.query(ONE, "PNS(A, Y)", seen)
    assert found.kind == "inner"
    assert found.lower is not None and found.upper is not None and whole.lower is not None and whole.upper is not None
    assert whole.lower - 1e-3 <= found.lower <= found.upper <= whole.upper + 1e-3
