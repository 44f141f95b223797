"""Friends inside units, from rows: two tables, many schools, against the truth by enumeration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import umbel
from umbel.config.problem import MethodSpec
from umbel.pipeline.looking import data_checks

GRAPH = """
latent U
network pupil { A Y; Peers = mean(A.near) }
U -> { A Y }
{ A Peers } -> Y
"""
ALONE = "latent U; plate pupil { A -> Y }; U -> { A Y }"
CONTRAST = "E[Y | do(A ~ Bernoulli(0.8))] - E[Y | do(A ~ Bernoulli(0.2))]"
SHARES = np.array([0.2, 0.5, 0.8])
SHARE = np.array([[0.6, 0.3, 0.1], [0.1, 0.3, 0.6]])  # P(share | U)
ERRORS = 4.0
"""Standard errors within which an estimate must lie of the truth."""


def chance(u: Any, a: Any, e: Any) -> Any:
    return 0.1 + 0.2 * u + 0.2 * a + 0.3 * e**2 + 0.1 * a * e


def schools(
    rng: np.random.Generator, units: int, *, paths: int, pairs: int = 0, alone: int = 0, summed: bool = False
) -> dict[str, Any]:
    """Pupils of schools whose friendships are paths of three, pairs, and pupils by themselves.

    ``pairs`` and ``alone`` stand in schools with U = 1, so that friendships differ with what confounds.
    """
    pupils: dict[str, list[Any]] = {name: [] for name in ("school", "id", "A", "Y", "Trait")}
    ends: tuple[list[Any], list[Any]] = ([], [])
    start = 0
    for school in range(units):
        u = int(rng.integers(2))
        shapes = [(0, 1), (1, 2)]
        edges = [(3 * path + a, 3 * path + b) for path in range(paths) for a, b in shapes]
        edges += [(3 * paths + 2 * pair, 3 * paths + 2 * pair + 1) for pair in range(pairs * u)]
        size = 3 * paths + u * (2 * pairs + alone)
        a = (rng.random(size) < rng.choice(SHARES, p=SHARE[u])).astype(float)
        first, second = np.array(edges).T
        degree = np.bincount(np.concatenate([first, second]), minlength=size)
        e = np.bincount(first, a[second], size) + np.bincount(second, a[first], size)
        y = rng.random(size) < chance(u, a, e / 2 if summed else e / np.maximum(degree, 1))
        columns = ([f"s{school}"] * size, range(start, start + size), a.astype(int), y.astype(int), [u] * size)
        for name, column in zip(pupils, columns, strict=True):
            pupils[name] += list(column)
        ends[0].extend((first + start).tolist())
        ends[1].extend((second + start).tolist())
        start += size
    return {"pupils": pupils, "friends": {"one": ends[0], "other": ends[1]}}


def study(tables: dict[str, Any]) -> umbel.Study:
    return umbel.Study(tables["pupils"], unit=("school", "id"), edges=tables["friends"])


def close(answer: umbel.Answer, truth: float) -> bool:
    assert answer.refusal is None, answer.refusal
    assert answer.estimate is not None
    found = answer.estimate
    assert found.value is not None
    assert found.se is not None
    assert found.interval is not None
    return abs(found.value - truth) < ERRORS * found.se


@pytest.fixture(scope="module")
def many() -> dict[str, Any]:
    return schools(np.random.default_rng(8), 400, paths=150)


def test_paths_of_three_are_worth_36(many: dict[str, Any]) -> None:
    answer = umbel.solve(GRAPH, CONTRAST, study(many))
    assert close(answer, 0.36)
    assert answer.estimate is not None
    assert answer.estimate.se is not None
    assert answer.estimate.se < 0.01


def test_a_plate_alone_says_15_of_the_same_rows(many: dict[str, Any]) -> None:
    answer = umbel.solve(ALONE, CONTRAST, umbel.Study(many["pupils"], unit="school"))
    assert close(answer, 0.15)
    assert not close(answer, 0.36)


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_one_arm_is_its_enumeration(many: dict[str, Any], share: float) -> None:
    answer = umbel.solve(GRAPH, f"E[Y | do(A ~ Bernoulli({share}))]", study(many))
    mean = share
    square = 2 / 3 * share + 1 / 3 * (share / 2 + share**2 / 2)  # E[e²]: ends have one friend, the middle two
    assert close(answer, 0.1 + 0.1 + 0.2 * share + 0.3 * square + 0.1 * share * mean)


def test_every_friend_treated(many: dict[str, Any]) -> None:
    told, named = (umbel.solve(GRAPH, asked, study(many)) for asked in ("E[Y | do(A=1)] - E[Y | do(A=0)]", "ATE(A, Y)"))
    assert close(told, 0.6)
    assert named.value == told.value


def test_each_school_is_pushed_through_its_own_friendships() -> None:
    """Pupils without friends, and pairs, only where U = 1: one pushed law for all would be wrong."""
    tables = schools(np.random.default_rng(3), 400, paths=80, pairs=40, alone=160)
    answer = umbel.solve(GRAPH, "E[Y | do(A ~ Bernoulli(0.8))]", study(tables))
    q, total = 0.8, 0.0
    for u, counts in ((0, {1: 160, 2: 80, 0: 0}), (1, {1: 160 + 80, 2: 80, 0: 160})):
        size = sum(counts.values())
        for degree, count in counts.items():
            mean = q if degree else 0.0
            square = {0: 0.0, 1: q, 2: q / 2 + q * q / 2}[degree]
            total += 0.5 * count / size * (0.1 + 0.2 * u + 0.2 * q + 0.3 * square + 0.1 * q * mean)
    assert close(answer, total)
    alone = next(check for check in answer.checks if check.name == "members without friends")
    assert "0, by definition" in alone.advice


@pytest.mark.parametrize("hidden", ["", "latent U; U -> { A Y Trait }; "])
def test_an_observed_confounder_of_the_unit_leaves_each_school_its_friendships(hidden: str) -> None:
    """The trait says who has many friends: a law learnt from all schools of a trait would have none of them."""
    tables = schools(np.random.default_rng(3), 300, paths=40, pairs=20, alone=80)
    question = "E[Y | do(A ~ Bernoulli(0.8))]"
    seen = umbel.solve(
        hidden + "network pupil { A Y; Peers = mean(A.near) }; Trait -> { A Y }; { A Peers } -> Y",
        question,
        study(tables),
    )
    assert "P(Trait)" in seen.estimand.text
    unseen = umbel.solve(GRAPH, question, study(tables))
    assert seen.estimate.value == pytest.approx(unseen.estimate.value, abs=1e-12)
    q, total = 0.8, 0.0
    for u, counts in ((0, {1: 80, 2: 40, 0: 0}), (1, {1: 80 + 40, 2: 40, 0: 80})):
        for degree, count in counts.items():
            square = {0: 0.0, 1: q, 2: q / 2 + q * q / 2}[degree]
            value = 0.1 + 0.2 * u + 0.2 * q + 0.3 * square + 0.1 * q * (q if degree else 0.0)
            total += 0.5 * count / sum(counts.values()) * value
    assert close(seen, total)


@pytest.mark.parametrize("read", ["Count", "A.near"])
def test_sums_are_pushed_as_sums(read: str) -> None:
    tables = schools(np.random.default_rng(5), 300, paths=150, summed=True)
    define = "Count = sum(A.near); " if read == "Count" else ""
    graph = f"latent U; network pupil {{ A -> Y; {define}{read} -> Y }}; U -> {{ A Y }}"
    answer = umbel.solve(graph, CONTRAST, study(tables))

    def arm(q: float) -> float:  # pupils read half their friends' number: ends 0 or 1/2, the middle 0, 1/2 or 1
        ends = 0.3 * q / 4 + 0.1 * q * q / 2
        middle = 0.3 * (q / 2 + q * q / 2) + 0.1 * q * q
        return 0.2 * q + 2 / 3 * ends + 1 / 3 * middle

    assert close(answer, arm(0.8) - arm(0.2))


def test_the_papers_plug_in_reads_friends_too(many: dict[str, Any]) -> None:
    answer = umbel.solve(GRAPH, CONTRAST, study(many), method=MethodSpec(name="plug-in"))
    assert answer.estimate is not None
    assert answer.estimate.value == pytest.approx(0.36, abs=0.03)  # one pseudo-count per state pulls towards 1/2


def small(**changed: Any) -> umbel.Study:
    pupils = {"school": ["x", "x", "y", "y"], "id": ["ann", "bo", "cy", "di"], "A": [0, 1, 0, 1], "Y": [0, 1, 1, 1]}
    given: dict[str, Any] = {"edges": {"one": ["ann", "cy"], "other": ["bo", "di"]}, **changed}
    return umbel.Study({**pupils, **given.pop("columns", {})}, unit=given.pop("unit", ("school", "id")), **given)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"edges": {"one": ["ann", "bo"], "other": ["bo", "cy"]}}, "joins 'bo' of unit 'x' with 'cy' of unit 'y'"),
        ({"edges": {"one": ["ann"], "other": ["eve"]}}, "'eve' in column 'other' is no key"),
        ({"edges": {"one": ["ann"], "other": ["ann"]}}, "joins 'ann' with itself"),
        ({"edges": {"one": ["ann"], "other": ["bo"], "weight": [2.0]}}, "weights of edges"),
        ({"columns": {"A": [0, None, 1, 1]}}, "lack a value of A, which their friends read"),
        ({"columns": {"Peers": [0, 1, 0, 1]}}, "edges say what it is"),
        ({"columns": {"id": ["ann", "ann", "cy", "di"]}}, "'ann' stands 2 times"),
        ({"columns": {"school": ["x", None, "y", "y"]}}, "has no 'school' in row 2"),
        ({"columns": {"n": [1, 2, 1, 1]}, "count": "n"}, "friends are single members"),
    ],
)
def test_bad_friendships_are_named(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(umbel.DataError, match=why):
        umbel.solve(GRAPH, CONTRAST, small(**changed))


def test_a_look_at_the_data_counts_units_and_not_members() -> None:
    size = data_checks(umbel.Graph.parse(GRAPH), small())[0]
    assert size.advice == "2 units of 2 to 2 members"


def test_friends_take_edges_and_a_named_law() -> None:
    without = umbel.solve(GRAPH, CONTRAST, small(edges=None, unit="school", columns={"Peers": [0, 1, 0, 1]}))
    assert without.refusal is not None
    assert "names no edges" in without.refusal.why
    open_law = umbel.solve(GRAPH, "E[Y | do(A ~ q)]", small())
    assert open_law.refusal is not None
    assert "unspecified" in open_law.refusal.why


def test_a_variable_without_a_column_is_hidden_and_no_more() -> None:
    """What is read of neighbours needs no column where theirs stands."""
    tables = schools(np.random.default_rng(6), 60, paths=60)
    graph = "latent U; network pupil { A -> Y; A.near -> Y }; Z; U -> { A Y }; Z -> Y"
    assert umbel.solve(graph, CONTRAST, study(tables)).estimate is not None


def test_friendships_are_not_averaged_apart_from_their_units() -> None:
    tables = schools(np.random.default_rng(6), 60, paths=20)
    tables["pupils"]["X"] = [place % 2 for place in tables["pupils"]["id"]]
    graph = "latent U; network pupil { X A Y; Peers = mean(A.near) }; U -> { A Y }; X -> { A Y }; { A Peers } -> Y"
    answer = umbel.solve(graph, CONTRAST, study(tables))
    assert answer.refusal is not None
    assert "whose friendships" in answer.refusal.why


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("E[Peers | do(A=1)] - E[Peers | do(A=0)]", "Peers is what members read of A"),
        ("E[Y | do(Peers=1)] - E[Y | do(Peers=0)]", "Peers is what members read of A"),
        ("E[Y | do(A=1, Peers=0)]", "Peers is what members read of A"),
        ("E[Y | do(A=1), Peers=0]", "Peers is what members read of A"),
        ("max[k] E[Y | do(A ~ Bernoulli(k))]", "best policy among friends"),
    ],
)
def test_exposures_that_are_set_or_asked_about_are_refused_by_name(question: str, why: str) -> None:
    """Setting both had been a fault; the best policy showed a number that nobody wrote."""
    answer = umbel.solve(GRAPH, question, small())
    assert answer.verdict == "refused"
    assert answer.refusal is not None
    assert why in answer.refusal.why


@pytest.mark.parametrize("question", ["E[Y]", "E[Y | A=1]", "P(Y=1 | A=1) - P(Y=1 | A=0)"])
def test_what_is_needs_no_friendships(question: str) -> None:
    tables = schools(np.random.default_rng(6), 60, paths=20)
    with_friends = umbel.solve(GRAPH, question, study(tables))
    plain = umbel.solve(ALONE, question, umbel.Study(tables["pupils"], unit="school"))
    assert with_friends.refusal is None, with_friends.refusal
    assert with_friends.estimate.value == pytest.approx(plain.estimate.value, abs=1e-12)
