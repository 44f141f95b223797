"""The bootstrap of latent classes by name: from Python, from a problem file, with clusters drawn whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas
import pytest

import umbel
from benchmarks.class_numbers import Case, covered
from umbel.cli import run
from umbel.estimate.moments_bootstrap import ClassBootstrap
from umbel.simulate.mixtures import design_b

GRAPH = "U -> { Z0 Z1 X0 X1 T Y }; { Z0 Z1 } -> T -> Y; classes U = 2"
DRAWN = umbel.MethodSpec(name="bootstrap")
CLOSE = 0.4
"""Four times the noise of 50 draws, and the information's errors are asymptotic."""


def rows_of(size: int, seed: int = 0) -> dict[str, np.ndarray]:
    rows = design_b().rows(size, rng=np.random.default_rng(seed))
    return {name: column for name, column in rows.items() if name != "U"}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer draws, so that tests stay quick; errors are then known to 10 %."""
    monkeypatch.setattr("umbel.estimate.choose.ClassBootstrap", lambda: ClassBootstrap(draws=50))


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("question", ["MTE(T, Y | U)", "ATE(T, Y)", "E[Y | do(T=1), Z0, X0]"])
def test_it_agrees_with_the_information(question: str) -> None:
    study = umbel.Study(rows_of(6000))
    plain = umbel.solve(GRAPH, question, study)
    drawn = umbel.solve(GRAPH, question, study, method=DRAWN)
    assert [row.value for row in drawn.rows()] == [row.value for row in plain.rows()]
    np.testing.assert_allclose([r.se for r in drawn.rows()], [r.se for r in plain.rows()], rtol=CLOSE)
    assert drawn.estimate is not None and drawn.estimate.method == "bootstrap" and drawn.estimate.seed == 0
    for row in drawn.rows():
        assert row.lower is not None and row.value is not None and row.upper is not None
        assert row.lower < row.value < row.upper
    assert any("percentiles of 50 bootstrap draws of the rows" in line for line in drawn.assumptions)
    assert any(check.name == "bootstrap" and check.passed for check in drawn.checks)


@pytest.mark.usefixtures("few")
def test_same_seed_same_bits() -> None:
    study = umbel.Study(rows_of(800))
    one, two = (umbel.solve(GRAPH, "MTE(T, Y | U)", study, method=DRAWN).rows() for _ in range(2))
    assert one == two


@pytest.mark.usefixtures("few")
def test_clusters_are_drawn_whole() -> None:
    """Every row twice, named as a cluster: as wide as the rows once. Unnamed: narrower by the root of two."""
    rows = rows_of(2500, 1)
    twice = {name: np.repeat(column, 2) for name, column in rows.items()}
    key = {"key": np.repeat(np.arange(2500), 2)}
    homes = (umbel.Study(rows), umbel.Study(twice | key, cluster="key"), umbel.Study(twice))
    once, named, unnamed = (umbel.solve(GRAPH, "MTE(T, Y | U)", home, method=DRAWN) for home in homes)
    errors = [np.array([row.se for row in one.rows()], dtype=float) for one in (once, named, unnamed)]
    assert np.mean(errors[1] / errors[0]) == pytest.approx(1.0, abs=0.15)
    assert np.mean(errors[2] / errors[0]) == pytest.approx(np.sqrt(0.5), abs=0.1)
    assert any("2,500 clusters of rows, each whole" in line for line in named.assumptions)


@pytest.mark.usefixtures("few")
def test_the_key_of_units_names_clusters() -> None:
    rows = design_b().clustered_rows([40] * 60, concentration=1.0, rng=np.random.default_rng(2))
    seen = {name: column for name, column in rows.items() if name != "U"}
    by_unit = umbel.solve(GRAPH, "ATE(T, Y)", umbel.Study(seen, unit="cluster"), method=DRAWN)
    by_cluster = umbel.solve(GRAPH, "ATE(T, Y)", umbel.Study(seen, cluster="cluster"), method=DRAWN)
    assert by_unit.interval == by_cluster.interval


@pytest.mark.usefixtures("few")
def test_real_outcomes_and_weights() -> None:
    rows = rows_of(800, 3)
    rng = np.random.default_rng(4)
    real = rows | {"Y": rows["Y"] + rng.normal(size=800), "w": np.where(rng.random(800) < 0.5, 1.0, 2.0)}
    answer = umbel.solve(GRAPH, "ATE(T, Y)", umbel.Study(real, weight="w"), method=DRAWN)
    plain = umbel.solve(GRAPH, "ATE(T, Y)", umbel.Study(real, weight="w"))
    assert answer.estimate is not None and plain.estimate is not None
    assert answer.estimate.se == pytest.approx(plain.estimate.se, rel=0.3)


@pytest.mark.usefixtures("few")
def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pandas.DataFrame(rows_of(1500)).assign(school=np.arange(1500) // 10).to_csv(tmp_path / "rows.csv", index=False)
    text = f"""
graph = "{GRAPH}"
question = "MTE(T, Y | U)"
[[study]]
table = "rows.csv"
cluster = "school"
[method]
name = "bootstrap"
seed = 3
"""
    path = tmp_path / "problem.toml"
    path.write_text(text)
    assert run(["solve", str(path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["estimate"]["method"] == "bootstrap" and answer["estimate"]["seed"] == 3
    assert len(answer["classes"]) == 2 and "150 clusters" in answer["assumptions"][-1]


def test_a_question_without_classes_has_none() -> None:
    answer = umbel.solve("A -> Y", "E[Y | do(A=1)]", umbel.Study({"A": [0, 1] * 9, "Y": [0, 1, 1] * 6}), method=DRAWN)
    assert answer.refusal is not None and "speaks of no latent class" in answer.refusal.why


def test_ten_replicates_of_coverage() -> None:
    case = Case(design_b(), 40, 40, 1.0)
    ((_, shares, width),) = covered(case, 10, ("sandwich",))
    assert (shares >= 0.6).all() and width < 0.4
