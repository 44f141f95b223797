"""The published experiment on samples of small networks: what is drawn, what is fitted, what is true.

Sherman, Arbour and Shpitser (AISTATS 2020), section 6 and appendix E: ten persons in a random graph,
a thousand samples of it, three covariates, a treatment and an outcome each; the outcome answers to
the *mean* over neighbours of their treatments, covariates and outcomes. What the text leaves open is
chosen here and said: densities, one graph for all samples, sweeps in random order, one regression
for all persons (their laws are the same), expected neighbours' outcomes by their fixed point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[np.float64]
PERSONS, SWEEPS = 10, 60
ALPHA, BETA = np.array([1.5, 6.0, 0.8]), np.array([3.0, 2.0, 0.8])  # table 3


@dataclass(frozen=True)
class Truth:
    """Tables 4 and 5: laws of treatment and outcome."""

    treatment: tuple[float, float, float, float]
    outcome: tuple[float, float, float, float, float, float, float]

    @property
    def coefficients(self) -> Array:
        """Of intercept, A, C1, C2, C3, and of the neighbours' means of A, ΣC and Y."""
        eta, *delta, near_a, near_y, near_c = self.outcome
        return np.array([0.0, eta, *delta, near_a, near_c, near_y])


BIAS = Truth((1.0, 0.0, 0.0, 0.0), (-3.0, 1.0, 0.0, 0.0, 3.0, 0.1, 0.0))
POLICY = Truth((0.5, 0.2, 0.25, 0.15), (0.6, -0.3, 0.4, 0.1, 0.2, 0.3, -0.2))

CONFIGURATIONS: dict[str, Any] = {
    **{f"Erdős-Rényi {p}": lambda seed, p=p: nx.gnp_random_graph(PERSONS, p, seed=seed) for p in (0.2, 0.4, 0.6, 0.8)},
    **{
        f"Watts-Strogatz {k}": lambda seed, k=k: nx.watts_strogatz_graph(PERSONS, k, 0.3, seed=seed)
        for k in (2, 4, 6, 8)
    },
    **{f"Barabási-Albert {m}": lambda seed, m=m: nx.barabasi_albert_graph(PERSONS, m, seed=seed) for m in (1, 2, 3, 5)},
}


def averaging(graph: Any) -> Array:
    """Rows that average over neighbours, shape (persons, persons); zero for a person without any."""
    links = nx.to_numpy_array(graph, nodelist=range(PERSONS))
    degree = links.sum(axis=1, keepdims=True)
    return np.divide(links, degree, out=np.zeros_like(links), where=degree > 0)


@dataclass(frozen=True)
class Samples:
    """Samples of one network: ``c`` (samples, persons, 3), ``a`` and ``y`` (samples, persons)."""

    around: Array
    c: Array
    a: Array
    y: Array

    def taken(self, rows: Any) -> Samples:
        """Some of the samples."""
        return Samples(self.around, self.c[rows], self.a[rows], self.y[rows])


def drawn(truth: Truth, around: Array, samples: int, rng: np.random.Generator) -> Samples:
    """Draw samples of a network under the status quo."""
    c = rng.beta(ALPHA, BETA, size=(samples, PERSONS, 3))
    *own, near = truth.treatment
    a = (rng.random((samples, PERSONS)) < expit(c @ own + near * c.sum(axis=2) @ around.T)).astype(float)
    noise = [rng.random(a.shape) for _ in range(SWEEPS)]
    return Samples(around, c, a, settled(truth, around, c, a, noise)[0])


def settled(truth: Truth, around: Array, c: Array, a: Array, noise: Sequence[Array]) -> tuple[Array, Array]:
    """Outcomes after a sweep for each array of uniform numbers, and their chances at the last one.

    Persons answer in a new random order in each sweep, the same for all samples and all policies.
    """
    pull = field(truth.coefficients, around, c, a)
    near = truth.coefficients[-1]
    order = np.random.default_rng(7)
    y, chance = np.zeros(a.shape), np.zeros(a.shape)
    for uniform in noise:
        for person in order.permutation(PERSONS):
            chance[:, person] = expit(pull[:, person] + near * y @ around[person])
            y[:, person] = uniform[:, person] < chance[:, person]
    return y, chance


def field(coefficients: Array, around: Array, c: Array, a: Array) -> Array:
    """What pulls each outcome, the neighbours' outcomes left out; leading axes are the samples'."""
    own = coefficients[0] + coefficients[1] * a + c @ coefficients[2:5]
    return own + coefficients[5] * a @ around.T + coefficients[6] * c.sum(axis=-1) @ around.T


def expected(coefficients: Array, around: Array, c: Array, a: Array) -> Array:
    """Mean outcomes with the neighbours' outcomes replaced by theirs: the fixed point."""
    pull = field(coefficients, around, c, a)
    mean = expit(pull)
    for _ in range(12):  # the map contracts by a quarter of the coupling, .3 at most
        mean = expit(pull + coefficients[7] * mean @ around.T)
    return mean


def design(data: Samples, *, neighbours: bool = True) -> Array:
    """Regressors of the outcome, shape (samples, persons, 8), or 5 without neighbours."""
    near = [data.a @ data.around.T, data.c.sum(axis=2) @ data.around.T, data.y @ data.around.T]
    columns = [np.ones_like(data.a), data.a, *np.moveaxis(data.c, 2, 0), *(near if neighbours else [])]
    return np.stack(columns, axis=2)


def fitted(x: Array, y: Array) -> tuple[Array, Array]:
    """Logistic regression: coefficients, and each sample's part in their error, shape (samples, columns)."""
    flat, target = x.reshape(-1, x.shape[-1]), y.reshape(-1)
    varies = np.ptp(flat, axis=0) > 0
    varies[0] = True
    used = flat[:, varies]
    found = np.zeros(used.shape[1])
    for _ in range(30):
        mean = expit(used @ found)
        curvature = (used * (mean * (1 - mean))[:, None]).T @ used
        step = np.linalg.solve(curvature, used.T @ (target - mean))
        found = found + step
        if np.abs(step).max() < 1e-10:
            break
    score = (used * (target - expit(used @ found))[:, None]).reshape(*y.shape, -1).sum(axis=1)
    coefficients, influence = np.zeros(x.shape[-1]), np.zeros((len(y), x.shape[-1]))
    coefficients[varies] = found
    influence[:, varies] = score @ np.linalg.inv(curvature) * len(y)
    return coefficients, influence
