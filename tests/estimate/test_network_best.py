"""The best policy on one network: what is chosen, what it gains in truth, and that the gain is no optimism."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

import umbel
from tests.estimate.test_network import GRAPH, TRUE, field, friends, population
from umbel.config.problem import MethodSpec
from umbel.numerics.automodel import Neighbourhood
from umbel.numerics.chromatic import chances
from umbel.numerics.network import build_network
from umbel.results.verdict import Identified

BEST = "max[k0, k1] E[Y | do(A ~ Bernoulli(expit(k0 + k1*C)))]"
LINEAR = "network person { C -> A -> Y; C -> Y; A.near -> Y }"


def true_gain(at: Neighbourhood, c: np.ndarray, a: np.ndarray, chance: np.ndarray) -> float:
    """By the true laws, on one noise."""
    rng = np.random.default_rng(9)
    drawn = (rng.random((len(c), 256)) < chance[:, None]).astype(float)
    both = np.stack([field(at, c[:, None], drawn), np.repeat(field(at, c, a)[:, None], 256, axis=1)], axis=1)
    total = [chance.mean(axis=(0, 2)) for _, chance in chances(at.network, both, TRUE[5], copies=256, rng=rng)]
    return float(np.subtract(*np.mean(total, axis=0)))


def test_the_honest_interval_holds_the_gain_of_what_was_chosen() -> None:
    hits, errors = 0, []
    method = MethodSpec(budget=0.5, box=(("k0", -3.0, 3.0), ("k1", -3.0, 3.0)))
    for seed in range(5):
        study, at, c, a = population(200, seed)
        answer = umbel.solve(GRAPH, BEST, study, method=method)
        assert answer.policy is not None, answer.refusal
        k = dict(answer.policy.k)
        chance = expit(k["k0"] + k["k1"] * c)
        assert chance.mean() <= 0.5
        truth = true_gain(at, c, a, chance)
        low, high = answer.policy.interval
        hits += low <= truth <= high
        errors.append((answer.policy.gain - truth) / ((high - low) / (2 * 1.96)))
    assert hits >= 4
    assert abs(np.mean(errors)) < 1.4


def linear_study(seed: int, effect: float, n: int = 400) -> umbel.Study:
    rng = np.random.default_rng(seed)
    first, second = friends(n, seed)
    at = Neighbourhood.of(build_network(n, first, second))
    c = rng.integers(0, 2, n)
    a = (rng.random(n) < 0.3 + 0.4 * c) * 1
    around = at.network.outward(at.around(a[at.network.order].astype(float)))
    y = 1.0 + effect * a + 0.5 * effect * around + c + rng.normal(size=n)
    return umbel.Study({"C": c, "A": a, "Y": y}, edges={"a": first, "b": second})


def test_the_budget_goes_to_where_it_helps_and_half_of_the_information_judges() -> None:
    """The value is linear in the share of the treated: the budget is spent, and the split costs sqrt(2)."""
    study = linear_study(3, 1.0)
    method = MethodSpec(budget=0.95, box=(("k", 0.0, 1.0),))
    answer = umbel.solve(LINEAR, "max[k] E[Y | do(A ~ Bernoulli(k))]", study, method=method)
    assert answer.policy is not None and answer.estimate is not None
    assert dict(answer.policy.k)["k"] == pytest.approx(0.95, abs=2e-3)
    known = umbel.solve(LINEAR, "E[Y | do(A ~ Bernoulli(0.95))] - E[Y]", study)
    gain = answer.table[2]
    assert gain.se / known.estimate.se == pytest.approx(np.sqrt(2), rel=0.1)
    assert abs(gain.value - known.value) < 3 * gain.se
    assert answer.estimate.method == "best policy"
    assert [row.term for row in answer.table[1:]] == ["status quo", "gain"]


def test_where_nothing_helps_the_promise_is_optimism_and_the_gain_is_not() -> None:
    """No effect at all: the fit that chose promises a gain every time; the other says 0 on average."""
    promised, gained = [], []
    method = MethodSpec(box=(("k", 0.0, 1.0),))
    for seed in range(16):
        study = linear_study(seed, 0.0, n=150)
        answer = umbel.solve(LINEAR, "max[k] E[Y | do(A ~ Bernoulli(k))]", study, method=method)
        (check,) = [one for one in answer.checks if one.name == "policy: promise of the choosing half"]
        low, high = answer.policy.interval
        gained.append(answer.policy.gain / ((high - low) / (2 * 1.96)))
        promised.append(check.value + answer.policy.gain)
    assert min(promised) > -0.02
    assert abs(np.mean(gained)) < 0.8
    assert np.mean(promised) > 0.05


def test_the_estimand_keeps_the_parameters_and_proves_itself() -> None:
    verdict = umbel.identify(GRAPH, BEST)
    assert isinstance(verdict, Identified)
    assert "A ~ Bernoulli(expit(k0 + k1*C))" in verdict.estimand.text()
    assert verdict.verify()


@pytest.mark.parametrize(
    ("question", "method", "why"),
    [
        ("max[k] E[Y | do(A ~ Bernoulli(2 + expit(k)))]", {}, "between 0 and 1"),
        ("max[k] E[Y | do(A ~ Bernoulli(k))]", {"box": (("k", 0.5, 1.0),), "budget": 0.2}, "within the budget"),
        ("max[k] E[Y | do(A ~ Point(k))]", {}, "point or normal"),
        ("max[k] E[Y | do(A ~ Bernoulli(expit(k))), C]", {}, "one for each C"),
        ("max[k] E[Y | do(C ~ Bernoulli(0.5), A ~ Bernoulli(expit(k*C)))]", {}, "reads C, which an intervention moves"),
    ],
)
def test_what_cannot_be_chosen_is_refused_by_name(question: str, method: dict, why: str) -> None:
    answer = umbel.solve(LINEAR, question, linear_study(1, 1.0, n=60), method=MethodSpec(**method))
    assert answer.policy is None and answer.refusal is not None
    assert why in answer.refusal.why


def test_without_edges_there_is_no_best_policy() -> None:
    rows = {"C": [0, 1] * 5, "A": [0, 0, 1, 1, 0] * 2, "Y": [0, 1] * 5}
    answer = umbel.solve(LINEAR, "max[k] E[Y | do(A ~ Bernoulli(k))]", umbel.Study(rows))
    assert answer.refusal is not None and "names no edges" in answer.refusal.why


def test_the_same_seed_gives_the_same_bits() -> None:
    study = linear_study(2, 1.0, n=80)
    one, two = (umbel.solve(LINEAR, "max[k] E[Y | do(A ~ Bernoulli(expit(k*C)))]", study) for _ in range(2))
    assert one.policy == two.policy and one.table == two.table
