"""Special cases that statsmodels and scikit-learn compute by other roads: regressions, robust and clustered errors."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit
from sklearn.linear_model import LinearRegression, LogisticRegression

import umbel
from tests.estimate_flat.test_adjustment import BACK, EFFECT, TRIAL, estimated
from umbel.estimate.adjustment import AIPW
from umbel.gallery.example import DATA

EXACT = 1e-8
ROWS = 600


def doses(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=ROWS)
    a = 0.7 * z + rng.normal(size=ROWS)
    return {"Z": z, "A": a, "Y": 0.5 * a + z + (1.0 + 0.5 * a**2) ** 0.5 * rng.normal(size=ROWS)}


def least_squares(data: dict[str, np.ndarray], weights: np.ndarray | None = None) -> sm.WLS:
    design = sm.add_constant(np.column_stack([data["A"], data["Z"]]))
    return sm.WLS(data["Y"], design, weights=np.ones(ROWS) if weights is None else weights)


def slope(data: dict[str, np.ndarray], **design: str) -> tuple[float, float]:
    found = estimated(BACK, EFFECT, umbel.Study(data, **design), AIPW(LinearRegression(), LinearRegression(), folds=1))  # type: ignore[arg-type]
    assert found.estimate.value is not None and found.estimate.se is not None
    return found.estimate.value, found.estimate.se


def test_a_slope_with_linear_learners_is_least_squares_with_robust_errors() -> None:
    data = doses(0)
    fit = least_squares(data).fit(cov_type="HC0")
    value, se = slope(data)
    assert value == pytest.approx(fit.params[1], abs=EXACT)
    assert se == pytest.approx(fit.bse[1] * np.sqrt(ROWS / (ROWS - 1)), rel=EXACT)


def test_clusters_and_weights_are_those_of_least_squares() -> None:
    data = doses(1) | {"psu": np.arange(ROWS) // 12, "w": np.random.default_rng(2).uniform(0.5, 3.0, ROWS)}
    plain = {"cov_type": "cluster", "cov_kwds": {"groups": data["psu"], "use_correction": False}}
    fit = least_squares(data).fit(**plain)
    value, se = slope(data, cluster="psu")
    assert (value, se) == pytest.approx((fit.params[1], fit.bse[1] * np.sqrt(50 / 49)), rel=EXACT)
    weighted = least_squares(data, data["w"]).fit(cov_type="HC0")
    value, se = slope(data, weight="w")
    assert value == pytest.approx(weighted.params[1], abs=EXACT)
    assert se == pytest.approx(weighted.bse[1], rel=2e-3)  # a stratum's own degrees of freedom


def test_a_trial_is_a_regression_on_the_arm() -> None:
    rng = np.random.default_rng(3)
    a = rng.integers(0, 2, ROWS)
    y = a * (1.0 + rng.normal(size=ROWS)) + rng.normal(size=ROWS)
    fit = sm.OLS(y, sm.add_constant(a)).fit(cov_type="HC0")
    found = estimated(TRIAL, EFFECT, umbel.Study({"A": a, "Y": y})).estimate
    assert found.value == pytest.approx(fit.params[1], abs=EXACT)
    assert found.se == pytest.approx(fit.bse[1] * np.sqrt(ROWS / (ROWS - 1)), rel=EXACT)


def test_a_ratio_is_the_delta_method_of_two_means() -> None:
    rng = np.random.default_rng(4)
    a = rng.integers(0, 2, ROWS)
    y = (rng.random(ROWS) < 0.3 + 0.2 * a).astype(int)
    found = estimated(TRIAL, "P(Y=1 | do(A=1)) / P(Y=1 | do(A=0))", umbel.Study({"A": a, "Y": y})).estimate
    p, n = ([float(f(y[a == arm])) for arm in (1, 0)] for f in (np.mean, len))
    logged = np.sqrt(sum((1.0 - share) / (share * size) for share, size in zip(p, n, strict=True)))
    assert found.value == pytest.approx(p[0] / p[1], abs=EXACT)
    assert found.se == pytest.approx(p[0] / p[1] * logged * np.sqrt(ROWS / (ROWS - 1)), rel=EXACT)


def test_the_trainees_by_hand() -> None:
    """The effect on the treated of the lalonde table, written out in NumPy with scikit-learn's regressions."""
    import pyarrow.parquet as pq

    table = pq.read_table(DATA / "lalonde_cps.parquet").to_pydict()
    names = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")
    x = np.column_stack([np.asarray(table[name], dtype=float) for name in names])
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    a, y = np.asarray(table["treat"]), np.asarray(table["re78"], dtype=float)
    data = {name: x[:, at] for at, name in enumerate(names)} | {"A": a, "Y": y}
    graph = f"latent U; U -> {{ {' '.join(names)} }}; {{ {' '.join(names)} }} -> {{ A Y }}; A -> Y"
    plain = LogisticRegression(C=1e6, max_iter=2000)
    found = estimated(
        graph,
        "E[Y[A=1] | A=1] - E[Y[A=0] | A=1]",
        umbel.Study(data),
        AIPW(LinearRegression(), plain, folds=1),
    ).estimate
    chance = LogisticRegression(C=1e6, max_iter=2000).fit(x, a).predict_proba(x)[:, 1]
    mean = LinearRegression().fit(x[a == 0], y[a == 0]).predict(x)
    without = (a * mean + (1 - a) * chance / (1.0 - chance) * (y - mean)).mean() / a.mean()
    assert found.value == pytest.approx(y[a == 1].mean() - without, rel=1e-3)
    scores = (a * (y - mean) - (1 - a) * chance / (1.0 - chance) * (y - mean) - a * found.value) / a.mean()
    assert found.se == pytest.approx(scores.std() / np.sqrt(len(a)), rel=1e-3)


def test_a_logistic_learner_is_scikit_learns() -> None:
    rng = np.random.default_rng(5)
    z = rng.normal(size=ROWS)
    a = (rng.random(ROWS) < expit(z)).astype(int)
    data = {"Z": z, "A": a, "Y": a + z + rng.normal(size=ROWS)}
    found = estimated(
        BACK, "E[Y | do(A=1)]", umbel.Study(data), AIPW(LinearRegression(), LogisticRegression(), folds=1)
    )
    chance = LogisticRegression().fit(z[:, None], a).predict_proba(z[:, None])[:, 1]
    mean = LinearRegression().fit(z[a == 1, None], data["Y"][a == 1]).predict(z[:, None])
    scores = mean + a / chance * (data["Y"] - mean)
    assert found.estimate.value == pytest.approx(scores.mean(), abs=EXACT)
    assert found.estimate.se == pytest.approx(scores.std(ddof=1) / np.sqrt(ROWS), rel=EXACT)
