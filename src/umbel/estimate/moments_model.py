"""From views to numbers: the likelihood that the graph factorises, its moments, its tests.

What is fitted is ``P(u | s)`` times one factor per block of views; what is tested is the rank that
the proxies show, and the model against every law of the cells (Mazaheri, Squires and Uhler, AISTATS
2025, state the conditions; the tests are ours).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError
from umbel.estimate.moments_data import ClassData
from umbel.expr.unmixing import ClassFactor, Unmixing
from umbel.numerics.arm_moments import ArmMoments, moments_of_rows
from umbel.numerics.clustered_ranks import clustered_rank_test
from umbel.numerics.joint_diagonal import Diagonalised, jointly_diagonal
from umbel.numerics.latent_em import LatentFit, LatentModel, fitted, maximised, posterior
from umbel.numerics.latent_factors import Categories, Factor, Gaussian
from umbel.numerics.latent_inference import ClassValues, OutcomeOf, class_values, likelihood_ratio, parameters_of
from umbel.numerics.latent_start import best_fit, class_weights, moment_start, random_starts
from umbel.numerics.operators import STRENGTH, Operators, RankTest, operators_of, rank_test
from umbel.numerics.sparse_cells import SaturatedTest
from umbel.results.step import Refusal

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

ONE_HOT = 64
"""Joint states of one side up to which each gets a feature of its own."""
LARGEST_TABLE = 20_000
"""Most parameters of one factor."""
RESTARTS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Moments of the views, and the features that they are moments of.

    Parameters
    ----------
    z, x
        Shape (entries, dz) and (entries, dx).
    y
        Shape (entries, functions): the outcome's number first.
    moments
        Of all rows together, strata ignored.
    """

    z: Array
    x: Array
    y: Array
    moments: ArmMoments


@dataclass(frozen=True, slots=True, eq=False)
class ClassFit:
    """A latent class model at its highest likelihood, classes by ascending effect."""

    model: LatentModel
    fit: LatentFit
    outcome: OutcomeOf
    values: ClassValues
    operators: Operators
    diagonal: Diagonalised | None


def features_of(data: ClassData, unmixing: Unmixing) -> Features:
    """Indicators of the proxies' states: of the joint states of a side where they are few."""
    z, _ = side_features(data, unmixing.z)
    x, unit = side_features(data, unmixing.x)
    arms = len(data.states[unmixing.treatment])
    y = _functions(data, unmixing)
    weights = data.weights
    moments = moments_of_rows(z, x, y, data.codes[unmixing.treatment], arms, unit=unit, weights=weights)
    return Features(z, x, y, moments)


def _functions(data: ClassData, unmixing: Unmixing) -> Array:
    """The outcome's number, then indicators of its states, or of what lies above its quartiles."""
    value = event_values(data, unmixing)
    if unmixing.outcome not in data.codes:
        edges = np.unique(np.quantile(value, [0.25, 0.5, 0.75]))
        return np.concatenate([value[:, None], value[:, None] > edges], axis=1)
    states = len(data.states[unmixing.outcome])
    more = np.eye(states)[1:-1][:, data.codes[unmixing.outcome]]  # (states - 2, entries)
    return np.concatenate([value[None], more]).T


def event_values(data: ClassData, unmixing: Unmixing) -> Array:
    """The number whose mean is asked: the outcome, or whether it has the state that is asked for."""
    if unmixing.event is None:
        return data.outcome
    states = data.states.get(unmixing.outcome, ())
    if unmixing.event not in states:
        return np.zeros(len(data.weights))
    return np.asarray(data.codes[unmixing.outcome] == states.index(unmixing.event), dtype=np.float64)


def side_features(data: ClassData, names: tuple[str, ...]) -> tuple[Array, Array]:
    """Features of one side and the combination of them that is 1."""
    code, size = data.joint(names)
    if size <= ONE_HOT:
        return np.eye(size)[code], np.ones(size)
    columns = [np.ones(len(code))]
    for name in names:
        columns += [(data.codes[name] == state).astype(np.float64) for state in range(1, len(data.states[name]))]
    unit = np.zeros(len(columns))
    unit[0] = 1.0
    return np.stack(columns, axis=1), unit


def ranks(data: ClassData, unmixing: Unmixing, features: Features) -> RankTest:
    """Test how many classes the proxies show; rows that depend on each other, or weigh differently, as clusters.

    Within strata, whose own effects on proxies of either side are no classes: a singular value of an arm
    is the root of its mean square over them.
    """
    arm, arms = data.codes[unmixing.treatment], len(data.states[unmixing.treatment])
    stratum, _ = data.joint(unmixing.strata)
    if not unmixing.strata:
        return _ranks(data, features, arm)
    whole = _ranks(data, features, stratum * arms + arm)
    single = [_ranks(data, features, stratum, arm == t) for t in range(arms)]
    mass = [np.bincount(stratum[arm == t], data.weights[arm == t]) for t in range(arms)]
    shares = [(one[one > 0] / one.sum())[:, None] for one in mass]
    pairs = list(zip(shares, single, strict=True))
    return RankTest(
        np.stack([np.sqrt((share * one.singular**2).sum(0)) for share, one in pairs]),
        whole.statistics,
        whole.freedom,
        whole.p_values,
        np.stack([np.sqrt((share * one.noise**2).sum(0)) for share, one in pairs]),
        np.stack([one.p_values for one in single]),
        whole.clusters,
    )


def _ranks(data: ClassData, features: Features, cell: Codes, keep: NDArray[np.bool_] | None = None) -> RankTest:
    """The test within cells, those without rows left out; shape (cells, …)."""
    rows = np.flatnonzero((data.weights > 0) if keep is None else keep & (data.weights > 0))
    used, code = np.unique(cell[rows], return_inverse=True)
    code = code.reshape(-1).astype(np.int64)
    z, x, weights, clusters = features.z[rows], features.x[rows], data.weights[rows], data.independent
    if clusters is not None:
        _, own = np.unique(clusters[rows], return_inverse=True)
        return clustered_rank_test(z, x, code, len(used), own.reshape(-1).astype(np.int64), weights=weights)
    unit = features.moments.unit
    return rank_test(moments_of_rows(z, x, features.y[rows, :1], code, len(used), unit=unit, weights=weights))


def _begun(data: ClassData, unmixing: Unmixing, features: Features) -> ArmMoments:
    """Moments to begin at: of all rows, or of the stratum with the most rows in its least arm."""
    if not unmixing.strata:
        return features.moments
    arm, arms = data.codes[unmixing.treatment], len(data.states[unmixing.treatment])
    stratum, strata = data.joint(unmixing.strata)
    seen = np.bincount(stratum * arms + arm, data.weights, strata * arms).reshape(strata, arms)
    place = int(seen.min(1).argmax())
    if seen[place].min() <= 0:
        return features.moments
    rows = np.flatnonzero(stratum == place)
    parts = features.z[rows], features.x[rows], features.y[rows], arm[rows], arms
    return moments_of_rows(*parts, unit=features.moments.unit, weights=data.weights[rows])


def model_of(data: ClassData, unmixing: Unmixing, classes: int) -> tuple[LatentModel, OutcomeOf] | Refusal:
    """The likelihood as the graph factorises it."""
    stratum, strata = data.joint(unmixing.strata)
    factors: list[Factor] = []
    for one in unmixing.factors:
        made = _factor(data, unmixing, one, classes)
        if isinstance(made, Refusal):
            return made
        factors.append(made)
    place = next(i for i, one in enumerate(unmixing.factors) if one.side == "y")
    return LatentModel(stratum, strata, classes, tuple(factors), data.weights), _outcome(data, unmixing, place)


def _outcome(data: ClassData, unmixing: Unmixing, place: int) -> OutcomeOf:
    """Which configuration of the outcome's factor belongs to each arm and stratum."""
    given = unmixing.factors[place].given
    arms = len(data.states[unmixing.treatment])
    sizes = [len(data.states[name]) for name in unmixing.strata]
    configuration = np.zeros((arms, int(np.prod(sizes))), dtype=np.int64)
    for arm in range(arms):
        for stratum, values in enumerate(np.ndindex(*sizes)):
            at = dict(zip(unmixing.strata, values, strict=True)) | {unmixing.treatment: arm}
            code = 0
            for name in given:
                code = code * len(data.states[name]) + at[name]
            configuration[arm, stratum] = code
    if unmixing.outcome not in data.codes:
        return OutcomeOf(place, configuration, None)
    states = data.states[unmixing.outcome]
    if unmixing.event is not None:
        return OutcomeOf(place, configuration, np.array([float(state == unmixing.event) for state in states]))
    return OutcomeOf(place, configuration, np.array([float(state) for state in states]))


def _factor(data: ClassData, unmixing: Unmixing, one: ClassFactor, classes: int) -> Factor | Refusal:
    configuration, configurations = data.joint(one.given)
    if one.of == (unmixing.outcome,) and unmixing.outcome not in data.codes:
        floor = 1e-3 * float(np.var(data.outcome))
        return Gaussian(configuration, data.outcome, configurations, classes, floor)
    state, states = data.joint(one.of)
    if configurations * states > LARGEST_TABLE:
        given = f" given {', '.join(one.given)}" if one.given else ""
        return Refusal(
            f"{', '.join(one.of)}{given} has {configurations * states:,} cells, more than {LARGEST_TABLE:,}.",
            "Say in the graph which proxies act on the treatment, and which are independent given the class.",
        )
    return Categories(configuration, state, configurations, states, classes)


def fit_classes(
    data: ClassData, unmixing: Unmixing, features: Features, classes: int, *, rng: np.random.Generator
) -> ClassFit | Refusal:
    """Maximum likelihood from the jointly diagonalised moments, and from random starts where they are weak."""
    try:
        moments = _begun(data, unmixing, features)
        operators = operators_of(moments, classes)
    except DataError as fault:
        why, _, advice = str(fault).rpartition(". ")
        return Refusal(f"{why}.", advice)
    made = model_of(data, unmixing, classes)
    if isinstance(made, Refusal):
        return made
    model, outcome = made
    diagonal = jointly_diagonal(operators)
    starts: list[LatentFit] = []
    if diagonal is not None:
        arm = data.codes[unmixing.treatment]
        of_x, of_z = class_weights(moments, operators, diagonal, features.z, features.x, arm)
        starts.append(moment_start(model, of_x, of_z, [one.side == "x" for one in unmixing.factors]))
    weak = rank_test(moments).strength(classes) < STRENGTH
    plain = bool(starts) and not (unmixing.strata or weak) and _admissible(diagonal)
    starts += random_starts(model, 0 if plain else RESTARTS // 2 * classes, rng=rng)
    fit = best_fit(model, starts)
    low, high = _contrasted(data, unmixing)
    found = class_values(model, fit, outcome)
    order = np.lexsort((found.probabilities, found.means[high] - found.means[low]))
    fit = LatentFit(
        fit.prior[:, order], tuple(one[..., order] for one in fit.values), fit.log_likelihood, fit.score, fit.steps
    )
    return ClassFit(model, fit, outcome, class_values(model, fit, outcome), operators, diagonal)


def _admissible(diagonal: Diagonalised | None) -> bool:
    return diagonal is not None and bool((diagonal.probabilities > 0.0).all())


def _contrasted(data: ClassData, unmixing: Unmixing) -> tuple[int, int]:
    """The arms of the smallest and the largest weight; the first and the last where only one is asked for."""
    states = list(data.states[unmixing.treatment])
    if len(unmixing.contrast) < 2:
        return 0, len(states) - 1
    order = sorted(unmixing.contrast, key=lambda term: term[0])
    return states.index(order[0][1]), states.index(order[-1][1])


def contrast_weights(data: ClassData, unmixing: Unmixing) -> Array:
    """Weights of the arms in what is asked, shape (arms,)."""
    arms = data.states[unmixing.treatment]
    weights = np.zeros(len(arms))
    for weight, state in unmixing.contrast:
        weights[arms.index(state)] += weight
    return weights


def views_test(data: ClassData, unmixing: Unmixing, found: ClassFit) -> SaturatedTest | None:
    """Likelihood ratio of the model against level 2, in which Z does not act on the treatment.

    None where the graph holds that already, or rows are no cells.
    """
    if unmixing.level != 3 or not data.whole or data.clusters is not None or unmixing.outcome not in data.codes:
        return None
    treatment, factors = unmixing.treatment, []
    for one in unmixing.factors:
        if treatment not in one.of:
            factors.append(one)
            continue
        within = tuple(name for name in one.given if name in unmixing.strata)
        rest = tuple(name for name in one.of if name != treatment)
        factors += [ClassFactor(rest, within, "z")] * bool(rest) + [ClassFactor((treatment,), within, "z")]
    made = model_of(data, replace(unmixing, factors=tuple(factors)), found.model.classes)
    if isinstance(made, Refusal):
        return None
    model, _ = made
    start = maximised(model, posterior(found.model, found.fit.prior, found.fit.values)[0])
    fewer = fitted(model, start)
    freedom = parameters_of(found.model, found.fit) - parameters_of(model, fewer)
    if freedom <= 0:
        return None
    statistic, p_value = likelihood_ratio(found.fit.log_likelihood, fewer.log_likelihood, freedom)
    return SaturatedTest(statistic, freedom, p_value)
