"""The test of the model keeps its size where cells hold few rows, and its power."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

import umbel
from umbel.mixture import level_tests
from umbel.numerics.sparse_cells import deviance_moments
from umbel.simulate.mixtures import design_b


def p_value(proxies: int, rows: int, seed: int, *, linked: bool = False) -> float:
    """Of the check, or 0 where the answer is refused."""
    names = [f"{side}{i}" for side in "ZX" for i in range(proxies)]
    rng = np.random.default_rng(seed)
    u = rng.random(rows) < 0.4
    data = {name: (rng.random(rows) < np.where(u, 0.75, 0.25)).astype(int) for name in names}
    if linked:
        data["X0"] = np.where(rng.random(rows) < 0.4, data["Z0"], data["X0"])
    data["T"] = (rng.random(rows) < 0.3 + 0.3 * data["Z0"] + 0.1 * u).astype(int)
    data["Y"] = (rng.random(rows) < 0.2 + 0.2 * u + data["T"] * (0.1 + 0.3 * u)).astype(int)
    graph = f"U -> {{ {' '.join(names)} T Y }}; Z0 -> T -> Y; classes U = 2"
    answer = umbel.solve(graph, "MTE(T, Y | U)", umbel.Study(data))
    if answer.refusal is not None:
        return 0.0
    (check,) = (one for one in answer.checks if one.name == "fit")
    assert check.value is not None
    return check.value


def test_moments_of_a_cell() -> None:
    expected = np.array([1e-9, 0.003, 0.2, 1.0, 3.7, 20.0, 150.0])
    mean, variance, covariance = deviance_moments(expected)
    for m, a, b, c in zip(expected, mean, variance, covariance, strict=True):
        y = np.arange(1000)
        chance = poisson.pmf(y, m)
        deviance = 2 * (np.where(y > 0, y * np.log(np.maximum(y, 1) / m), 0.0) - (y - m))
        assert a == pytest.approx(chance @ deviance, rel=2e-3)
        assert b == pytest.approx(chance @ deviance**2 - (chance @ deviance) ** 2, rel=4e-3)
        assert c == pytest.approx(chance @ (deviance * (y - m)), rel=4e-3, abs=2e-3)


@pytest.mark.parametrize(("proxies", "rows"), [(3, 1000), (4, 2000)])  # 4 and 2 rows a cell
def test_a_true_model_is_seldom_rejected(proxies: int, rows: int) -> None:
    found = [p_value(proxies, rows, seed) for seed in range(10)]
    assert sum(p < 0.05 for p in found) <= 3 and max(found) > 0.2 and min(found) < 0.8


def test_few_rows_a_parameter_do_not_reject() -> None:
    """Sixty rows of 64 cells with 25 parameters: a third of such draws once came with p < .001."""
    design = design_b()
    found = [level_tests(design.sample(60, rng=np.random.default_rng(seed)), 2).fit[2] for seed in range(30)]
    assert sum(p < 1e-3 for p in found) <= 2 and sum(p < 0.05 for p in found) <= 7


def test_a_link_is_seen() -> None:
    assert p_value(4, 2000, 0, linked=True) < 1e-3


@pytest.mark.study
@pytest.mark.parametrize(("proxies", "rows"), [(2, 1000), (3, 1000), (4, 2000), (5, 3000)])
def test_size(proxies: int, rows: int) -> None:
    rejected = np.mean([p_value(proxies, rows, seed) < 0.05 for seed in range(300)])
    assert 0.02 <= rejected <= 0.09
