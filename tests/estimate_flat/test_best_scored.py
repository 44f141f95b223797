"""The best policy where covariates are numbers: what is chosen, what it gains by closed forms, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

import umbel
from umbel.config.problem import MethodSpec

GRAPH = "C -> A -> Y; C -> Y"
THRESHOLD = "max[k] E[Y | do(A ~ Bernoulli((C > k)))]"


def study(rows: int, seed: int, *, effect: float = 1.0, words: bool = False) -> umbel.Study:
    """Y = C + effect * A * C + noise: who has C above 0 is to be treated."""
    rng = np.random.default_rng(seed)
    c = rng.normal(size=rows)
    a = (rng.random(rows) < expit(0.5 * c)) * 1
    y = c + effect * a * c + rng.normal(size=rows)
    return umbel.Study({"C": c, "A": np.array(["no", "yes"])[a] if words else a, "Y": y})


def gain(k: float, effect: float = 1.0) -> float:
    """E[C; C > k] is the density at k; the usual treatment follows expit(C / 2)."""
    usual = quad(lambda c: c * expit(0.5 * c) * norm.pdf(c), -12, 12)[0]
    return effect * float(norm.pdf(k) - usual)


def test_the_honest_interval_holds_the_gain_of_the_threshold_that_was_chosen() -> None:
    errors, hits = [], 0
    method = MethodSpec(box=(("k", -2.0, 2.0),))
    for seed in range(10):
        answer = umbel.solve(GRAPH, THRESHOLD, study(800, seed), method=method)
        assert answer.policy is not None, answer.refusal
        truth = gain(dict(answer.policy.k)["k"])
        low, high = answer.policy.interval
        hits += low <= truth <= high
        errors.append((answer.policy.gain - truth) * 2 * 1.96 / (high - low))
        assert truth > gain(0.0) - 0.1  # what is chosen is near the best threshold, 0
    assert hits >= 8
    assert abs(np.mean(errors)) < 1.0


def test_where_nothing_helps_the_gain_is_no_optimism() -> None:
    gained, promised = [], []
    for seed in range(12):
        answer = umbel.solve(GRAPH, THRESHOLD, study(300, seed, effect=0.0), method=MethodSpec(box=(("k", -2, 2),)))
        (check,) = [one for one in answer.checks if one.name == "policy: promise of the choosing half"]
        gained.append(answer.policy.gain)
        promised.append(answer.policy.gain + check.value)
    assert np.mean(promised) > 0.02
    assert abs(np.mean(gained)) < 3 * np.std(gained) / np.sqrt(len(gained))


def test_value_less_status_quo_is_the_gain_and_the_status_quo_the_mean() -> None:
    data = study(600, 3)
    answer = umbel.solve(GRAPH, THRESHOLD, data)
    value, usual, gained = answer.table
    assert gained.value == pytest.approx(value.value - usual.value, abs=1e-9)
    assert [usual.term, gained.term] == ["status quo", "gain"]
    assert answer.estimate.value == value.value and answer.estimate.method == "best policy"


def test_a_budget_and_words_are_kept() -> None:
    method = MethodSpec(budget=0.2, box=(("k", -3.0, 3.0),))
    numbered = umbel.solve(GRAPH, THRESHOLD, study(600, 5), method=method)
    k = dict(numbered.policy.k)["k"]
    assert k > 0.6  # at most a fifth is treated
    declared = umbel.solve("states A = { no < yes }; " + GRAPH, THRESHOLD, study(600, 5, words=True), method=method)
    assert dict(declared.policy.k)["k"] == k
    assert declared.policy.gain == pytest.approx(numbered.policy.gain, abs=1e-9)


@pytest.mark.parametrize(
    ("graph", "question", "why"),
    [
        (GRAPH, "max[k] E[Y | do(A ~ Bernoulli(2 + C - k))]", "between 0 and 1"),
        (GRAPH, "max[k] P(Y=1 | do(A ~ Bernoulli((C > k))))", "Y is a number with many values"),
        ("C -> A -> M -> Y; A <-> Y; C -> Y", "max[k] E[Y | do(A ~ Bernoulli((C > k)))]", "chosen by AIPW"),
        ("C -> { A B } -> Y; C -> Y", "max[k] E[Y | do(A ~ Bernoulli((C > k)), B ~ Bernoulli((C < k)))]", "at once"),
    ],
)
def test_what_cannot_be_chosen_is_refused_by_name(graph: str, question: str, why: str) -> None:
    rng = np.random.default_rng(1)
    rows = {name: rng.normal(size=200) for name in ("C", "M", "Y")}
    rows |= {name: rng.integers(0, 2, 200) for name in ("A", "B")}
    answer = umbel.solve(graph, question, umbel.Study(rows), method=MethodSpec(box=(("k", -1.0, 1.0),)))
    assert answer.policy is None and answer.refusal is not None
    assert why in answer.refusal.why
