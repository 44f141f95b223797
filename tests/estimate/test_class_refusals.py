"""What a refused class question shows of what was looked at: in the Answer, in its text, in its JSON."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import numpy as np
import pytest

import umbel
from umbel.simulate.mixtures import design_b

GRAPH = "U -> { Z0 Z1 X0 X1 T Y }; { Z0 Z1 } -> T -> Y; classes U = 2"
SCHEMA = json.loads(files("umbel.results").joinpath("answer.schema.json").read_text(encoding="utf-8"))


def rows_of(size: int) -> dict[str, np.ndarray]:
    rows = design_b().rows(size, rng=np.random.default_rng(0))
    return {name: column for name, column in rows.items() if name != "U"}


def linked(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Proxies of the two sides that depend on each other."""
    toss = np.random.default_rng(2).random(len(rows["X0"])) < 0.5
    return rows | {"X0": np.where(toss, rows["Z0"], rows["X0"])}


def unrelated(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return rows | {name: rng.integers(0, 2, len(rows["T"])) for name in ("Z0", "Z1", "X0", "X1")}


FITTED = {"status", "number of classes", "strength of the proxies", "roots", "score", "fit"}
SHOWN = {"status", "number of classes", "strength of the proxies"}
CASES = [
    ("contradicted", linked(rows_of(20_000)), GRAPH, "MTE(T, Y | U)", FITTED),
    ("one class", unrelated(rows_of(2000)), GRAPH.replace(" = 2", ""), "MTE(T, Y | U)", SHOWN),
    ("too many", rows_of(2000), GRAPH.replace("= 2", "= 4"), "MTE(T, Y | U)", FITTED),
    ("few features", rows_of(2000), GRAPH.replace("Z1 ", "").replace("= 2", "= 3"), "MTE(T, Y | U)", SHOWN),
    ("never seen", rows_of(2000), GRAPH, "E[Y | do(T=1), Z0=7]", FITTED),
]


@pytest.mark.parametrize(("rows", "graph", "question", "names"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_refusals_show_their_diagnostics(
    rows: dict[str, np.ndarray], graph: str, question: str, names: set[str]
) -> None:
    answer = umbel.solve(graph, question, umbel.Study(rows))
    assert answer.refusal is not None and answer.estimate is None
    checks = {check.name: check for check in answer.checks}
    assert names <= set(checks)
    assert not checks["status"].passed and checks["status"].advice.startswith("refused")
    assert "Tests of each number against more: 1: p " in checks["number of classes"].advice
    assert "hitened singular value" in checks["strength of the proxies"].advice
    assert "where T is 0; " in checks["strength of the proxies"].advice
    plain = answer.to_dict()
    jsonschema.Draft202012Validator(SCHEMA).validate(plain)
    assert [one["name"] for one in plain["checks"]] == [check.name for check in answer.checks]
    text = " ".join(answer.summary(width=200).split())
    for check in answer.checks:
        assert check.name in text
    if "fit" in names and not checks["fit"].passed:
        assert "Likelihood ratio" in checks["fit"].advice and "FAILED fit" in text


def test_the_last_number_tried_is_in_words() -> None:
    answer = umbel.solve(GRAPH.replace("= 2", "= 4"), "MTE(T, Y | U)", umbel.Study(rows_of(2000)))
    (check,) = (one for one in answer.checks if one.name == "number of classes")
    assert "show 2 classes, not 4" in check.advice and "3: p " in check.advice
    assert check.value == 2.0


def test_clusters_are_named_where_the_test_counts_them() -> None:
    rows = rows_of(4000)
    study = umbel.Study(rows | {"school": np.arange(4000) // 20}, cluster="school")
    answer = umbel.solve(GRAPH, "MTE(T, Y | U)", study)
    (check,) = (one for one in answer.checks if one.name == "number of classes")
    assert "They take 200 clusters of rows for independent" in check.advice
    plain = umbel.solve(GRAPH, "MTE(T, Y | U)", umbel.Study(rows))
    assert not any("for independent" in one.advice for one in plain.checks)


def test_clusters_that_share_their_proxies_show_fewer_classes() -> None:
    """The test of independent rows finds a third class in noise that clusters repeat; that of clusters does not."""
    graph = GRAPH.replace(" = 2", "")
    rng = np.random.default_rng(5)
    found = []
    for _ in range(4):
        rows = design_b().clustered_rows([40] * 40, concentration=0.4, rng=rng)
        del rows["U"]
        plain = umbel.solve(graph, "ATE(T, Y)", umbel.Study({n: c for n, c in rows.items() if n != "cluster"}))
        own = umbel.solve(graph, "ATE(T, Y)", umbel.Study(rows, cluster="cluster"))
        pair = [next(c for c in one.checks if c.name == "number of classes").value for one in (plain, own)]
        found.append(pair)
    ends = np.array(found)
    assert (ends[:, 1] == 2).sum() >= 3 and (ends[:, 0] > 2).sum() >= 2


def test_survey_strata_are_no_silence() -> None:
    rows = rows_of(2000) | {"s": np.arange(2000) % 3}
    answer = umbel.solve(GRAPH, "ATE(T, Y)", umbel.Study(rows, strata="s"))
    assert any(check.name == "design" and "strata" in check.advice for check in answer.checks)


def test_few_clusters_are_doubted_and_one_shows_nothing() -> None:
    rows = rows_of(2000)
    open_number = GRAPH.replace(" = 2", "")
    one = umbel.solve(open_number, "MTE(T, Y | U)", umbel.Study(rows | {"c": np.zeros(2000)}, cluster="c"))
    assert one.refusal is not None and "no more than 1 cluster of rows may show by chance" in one.refusal.why
    five = umbel.solve(GRAPH, "MTE(T, Y | U)", umbel.Study(rows | {"c": np.arange(2000) % 5}, cluster="c"))
    (check,) = (check for check in five.checks if check.name == "clusters")
    assert not check.passed and check.value == 5 and "rough" in check.advice
    (status,) = (check for check in five.checks if check.name == "status")
    assert "clusters" in status.advice
    many = umbel.solve(GRAPH, "ATE(T, Y)", umbel.Study(rows | {"c": np.arange(2000) % 50}, cluster="c"))
    assert all(check.passed for check in many.checks if check.name == "clusters")
