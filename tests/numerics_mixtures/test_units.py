"""Kinds of units against enumeration: unmixing from members, what is no view, purity, studies as views."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import umbel
from umbel.numerics.unit_classes import bandwidth, nearness, purity, through_mediator, unit_weights
from umbel.simulate.mixture_units import KindsOfSchools, Schools

EXACT = 1e-10
MODEL = KindsOfSchools()
GRAPH = "plate pupil { A Y }; U -> { A Z Y X }; A -> { Z Y }; Z -> Y; classes U = 2"
QUESTION = "E[Y | do(A ~ Bernoulli(0.8))] - E[Y | do(A ~ Bernoulli(0.2))]"


def random_kinds(k: int, seed: int) -> KindsOfSchools:
    rng = np.random.default_rng(seed)
    return KindsOfSchools(
        kinds=tuple(rng.dirichlet(np.full(k, 6.0))),
        share_given_kind=tuple(map(tuple, rng.dirichlet(np.full(3, 3.0), size=k))),
        climate=tuple(map(tuple, rng.uniform(0.15, 0.85, size=(k, 3)))),
        covariate=tuple(rng.permutation(np.linspace(0.15, 0.85, k))),
    )


def population(model: KindsOfSchools, members: int) -> tuple[np.ndarray, ...]:
    """Every kind of unit as one entry: mass, dose, climate, outcome means, members' covariates."""
    joint = model.joint
    x = np.array(model.covariate)
    cells = list(product(*map(range, joint.shape), *[(0, 1)] * members))
    u, q, z, *xs = (np.array(column) for column in zip(*cells, strict=True))
    mass = joint[u, q, z]
    for one in xs:
        mass = mass * np.where(one == 1, x[u], 1 - x[u])
    return mass, q, z, model.score[u, z], *xs


def effect_of(
    model: KindsOfSchools, weights: np.ndarray, mass: np.ndarray, q: np.ndarray, z: np.ndarray, k: np.ndarray
) -> float:
    found = []
    for share in (0.8, 0.2):
        near = (np.array(model.shares)[q] == share).astype(float)
        found.append(through_mediator(weights, mass, near, z, k @ np.array([1 - share, share])))
    return found[0] - found[1]


def test_the_model_is_the_published_one() -> None:
    assert MODEL.effect(0.8, 0.2) == pytest.approx(0.183, abs=5e-5)
    assert MODEL.mean(0.8) == pytest.approx(0.549, abs=5e-5)
    assert MODEL.naive(0.8, 0.2) == pytest.approx(0.3372, abs=5e-5)
    assert MODEL.fixed_effects(0.8, 0.2) == pytest.approx(0.09, abs=5e-5)


@pytest.mark.parametrize("seed", range(6))
def test_one_members_covariate_is_exact(seed: int) -> None:
    model = MODEL if seed == 0 else random_kinds(2, seed)
    mass, q, z, scores, x = population(model, 1)
    found = unit_weights(np.eye(3)[q], np.eye(2)[x], scores, z, 2, mass=mass)
    assert found is not None
    assert effect_of(model, found.weights, mass, q, z, scores) == pytest.approx(model.effect(0.8, 0.2), abs=EXACT)
    np.testing.assert_allclose(sorted(found.probabilities), sorted(model.kinds), atol=EXACT)


@pytest.mark.parametrize(("k", "seed"), [(2, 0), (2, 1), (2, 2), (3, 3), (3, 4), (3, 5)])
def test_replicates_are_exact(k: int, seed: int) -> None:
    """The first k - 1 members' count is one view, the last member another, dose and climate the third."""
    model = random_kinds(k, seed)
    mass, q, z, scores, *xs = population(model, k)
    count = np.sum(xs[:-1], axis=0)
    rest = np.eye(6)[2 * q + z]
    found = unit_weights(rest, np.eye(k)[count], xs[-1][:, None].astype(float), np.zeros_like(q), k, mass=mass)
    assert found is not None
    assert effect_of(model, found.weights, mass, q, z, scores) == pytest.approx(model.effect(0.8, 0.2), abs=EXACT)


# Generic identification by the rank of the derivative: (graph, classes, members) -> identified.
RANKS = [
    ("A4a", 2, 0, False),
    ("A4a", 2, 1, True),
    ("A4f", 2, 1, False),
    ("A4f", 2, 2, True),
    ("A4f", 3, 2, False),
    ("A4f", 3, 3, True),
]


@pytest.mark.parametrize(("graph", "k", "members", "identified"), RANKS)
def test_verdicts_by_rank(graph: str, k: int, members: int, identified: bool) -> None:
    """The effect is locally a function of the observed law where its gradient lies in the span of the law's."""
    rng = np.random.default_rng(k + 10 * members)
    outcomes = 4 if graph == "A4a" else 1  # A4a: atoms of the outcome's law; A4f: it tells nothing of the class
    sizes = [k, k * 3, k * 3 * 2, k * 2 * outcomes if graph == "A4a" else 0, k]
    point = rng.normal(size=sum(sizes))
    value = rng.uniform(size=outcomes)

    def laws(theta: np.ndarray) -> tuple[np.ndarray, ...]:
        parts = np.split(theta, np.cumsum(sizes)[:-1])

        def soft(part: np.ndarray, *shape: int) -> np.ndarray:
            grown = np.exp(part.reshape(shape))
            return grown / grown.sum(-1, keepdims=True)

        u, q, z = soft(parts[0], k), soft(parts[1], k, 3), soft(parts[2], k, 3, 2)
        y = soft(parts[3], k, 2, outcomes) if graph == "A4a" else np.ones((k, 2, 1))
        one = 1 / (1 + np.exp(-parts[4]))
        return u, q, z, y, np.stack([1 - one, one], axis=-1)

    def observed(theta: np.ndarray) -> np.ndarray:
        u, q, z, y, x = laws(theta)
        law = np.einsum("u,uq,uqz,uzy->uqzy", u, q, z, y)
        for _ in range(members):
            law = law[..., None] * x.reshape(k, *[1] * (law.ndim - 1), 2)
        return law.sum(0).ravel()

    def effect(theta: np.ndarray) -> float:
        u, _, z, y, _ = laws(theta)
        mean = y @ value if graph == "A4a" else np.broadcast_to([0.3, 0.8], (k, 2))
        return float(np.einsum("u,uz,uz->", u, z[:, 2] - z[:, 0], mean))

    step = 1e-5
    jacobian = np.stack(
        [(observed(point + step * e) - observed(point - step * e)) / (2 * step) for e in np.eye(len(point))]
    )
    gradient = np.array(
        [(effect(point + step * e) - effect(point - step * e)) / (2 * step) for e in np.eye(len(point))]
    )
    explained = jacobian @ np.linalg.lstsq(jacobian, gradient, rcond=1e-8)[0]
    left = np.linalg.norm(gradient - explained) / np.linalg.norm(gradient)
    assert (left < 1e-5) == identified, left


def test_matching_classes_across_the_climate_is_a_guess() -> None:
    """Pure outcome laws show classes within each climate; two labellings fit alike and differ in effect."""
    joint = MODEL.joint  # (u, q, z)
    swapped = joint.copy()
    swapped[:, :, 1] = joint[::-1, :, 1]
    score = MODEL.score
    other = score.copy()
    other[:, 1] = score[::-1, 1]
    # each law of outcomes, with dose and climate, occurs as often under either labelling
    for u, z in product(range(2), range(2)):
        here = [v for v in range(2) if np.allclose(other[v, z], score[u, z])]
        np.testing.assert_allclose(swapped[here[0], :, z], joint[u, :, z])

    def effect(law: np.ndarray, scores: np.ndarray) -> float:
        kinds = law.sum((1, 2))
        climate = law / law.sum(2, keepdims=True)
        total = 0.0
        for share, sign in ((0.8, 1), (0.2, -1)):
            at = MODEL.shares.index(share)
            total += sign * float(np.einsum("u,uz,uz->", kinds, climate[:, at], scores @ [1 - share, share]))
        return total

    assert effect(joint, score) == pytest.approx(0.183, abs=5e-4)
    assert effect(swapped, other) == pytest.approx(0.325, abs=5e-4)


def test_impure_kinds_are_seen_and_three_views_stand() -> None:
    pure = MODEL.sample(20_000, rng=np.random.default_rng(1), asked=4)
    impure = MODEL.sample(20_000, rng=np.random.default_rng(1), asked=4, impurity=0.1)
    assert purity(pure.covariate, 4, 2).p_value > 0.01
    assert purity(impure.covariate, 4, 2).z > 4
    found = [estimate(MODEL.sample(20_000, rng=np.random.default_rng(s), asked=20, impurity=0.1)) for s in range(12)]
    assert np.mean(found) == pytest.approx(0.183, abs=3 * 0.0045 / np.sqrt(12))
    with pytest.raises(ValueError, match="too few"):
        purity(pure.covariate, 3, 2)


def estimate(schools: Schools) -> float:
    dose = np.abs(schools.share[:, None] - np.array(MODEL.shares)).argmin(1)
    mass = np.ones(len(dose))
    covariate = np.eye(schools.asked + 1)[schools.covariate]
    found = unit_weights(np.eye(3)[dose], covariate, schools.scores, schools.climate, 2, mass=mass)
    assert found is not None
    width = bandwidth(schools.share, 0.035)
    means = [
        through_mediator(
            found.weights, mass, nearness(schools.share, q, width=width), schools.climate, schools.scores @ [1 - q, q]
        )
        for q in (0.8, 0.2)
    ]
    return means[0] - means[1]


def test_one_pupil_per_school_in_samples() -> None:
    """40 samples of 20,000 schools: within three Monte Carlo standard errors."""
    found = [estimate(MODEL.sample(20_000, rng=np.random.default_rng(100 + s))) for s in range(40)]
    assert abs(np.mean(found) - 0.183) < 3 * np.std(found, ddof=1) / np.sqrt(40)
    assert 0.006 < np.std(found) < 0.013


def test_end_to_end() -> None:
    import pandas

    schools = MODEL.sample(6000, rng=np.random.default_rng(2), pupils=100)
    treated = np.rint(100 * schools.share)
    sizes = np.stack([100 - treated, treated], axis=1)
    ones = np.rint(np.nan_to_num(schools.scores) * sizes)
    counts = np.stack([sizes[:, 0] - ones[:, 0], ones[:, 0], sizes[:, 1] - ones[:, 1], ones[:, 1]], axis=1)
    key = np.arange(6000)
    rows = pandas.DataFrame(
        {
            "school": np.repeat(key, 4),
            "A": np.tile([0, 0, 1, 1], 6000),
            "Y": np.tile([0, 1, 0, 1], 6000),
            "n": counts.ravel(),
        }
    )
    units = pandas.DataFrame({"school": key, "Z": schools.climate, "X": schools.covariate})
    answer = umbel.solve(GRAPH, QUESTION, umbel.Study(rows[rows.n > 0], units=units, unit="school", count="n"))
    assert answer.estimate is not None and answer.estimate.se is not None and answer.value is not None
    assert answer.estimate.method == "kinds of units"
    assert abs(answer.value - 0.183) < 3.5 * answer.estimate.se
    assert 0.008 < answer.estimate.se < 0.03
    # the covariate of one pupil among the rows of pupils: most pupils do not show it
    asked = pandas.DataFrame({"school": key, "A": 0, "Y": 0, "n": 1, "X": schools.covariate.astype(float)})
    inside = pandas.concat([rows[rows.n > 0], asked])
    graph = GRAPH.replace("{ A Y }", "{ A Y X }")
    other = umbel.solve(graph, QUESTION, umbel.Study(inside, units=units[["school", "Z"]], unit="school", count="n"))
    assert other.value == pytest.approx(answer.value, abs=0.01)


def test_a_study_is_a_view() -> None:
    """Two studies, one proxy: what study a row is from tells of the class and of nothing else."""
    verdict = umbel.identify("S -> U -> { X T Y }; T -> Y; classes U = 2", "MTE(T, Y | U)")
    assert verdict.identified and verdict.verify()
    assert verdict.estimand.unmixing is not None and verdict.estimand.unmixing.z == ("S",)  # type: ignore[union-attr]
    linked = umbel.identify("S -> U -> { X T Y }; T -> Y; S -> Y; classes U = 2", "MTE(T, Y | U)")
    assert not linked.identified
