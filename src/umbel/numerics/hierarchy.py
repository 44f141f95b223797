"""The normal hierarchy of summaries, solved by one-dimensional quadrature.

Weinstein and Blei (JMLR 27(37) 2026), Appendix L.1: each unit publishes an estimate and its
standard error, the units' true values are normal around a common mean::

    nu ~ Normal(centre, location)      tau ~ HalfCauchy(scale)
    mu_i ~ Normal(nu, tau)             effect_i ~ Normal(mu_i, error_i)

Given ``tau`` everything is normal and known in closed form, so the posterior is a mixture of
normals over ``tau`` alone. ``log tau`` is integrated by Gauss-Legendre panels that are doubled
until nothing moves: deterministic, and accurate far beyond what a sampler gives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from umbel.numerics.normal_mixture import Array, NormalMixture

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
DEPTH = 45.0
"""How far below its maximum the log integrand is followed: exp(-45) is 3e-20."""
TOLERANCE = 1e-11
"""Relative change of evidence, mean, deviation and spread at which doubling stops."""
MOST_PANELS = 4096
BLOCK = 1 << 22
"""Nodes times units that are held at once: 32 MiB of float64."""


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """The hierarchy in units of its largest standard error, measured from the prior's centre."""

    effects: Array  # (units,)
    errors: Array  # (units,)
    location: float
    scale: float

    def given_spread(self, log_tau: Array) -> tuple[Array, Array, Array]:
        """Log density of ``log tau`` (unnormalised), and mean and precision of nu given tau.

        All of shape (nodes,); O(nodes * units) time, blocked so that memory stays bounded.
        """
        step = max(1, BLOCK // self.effects.size)
        parts = [self._block(log_tau[start : start + step]) for start in range(0, log_tau.size, step)]
        density, means, precisions = (np.concatenate(column) for column in zip(*parts, strict=True))
        return density, means, precisions

    def _block(self, log_tau: Array) -> tuple[Array, Array, Array]:
        log_v = np.logaddexp(2.0 * np.log(self.errors), 2.0 * log_tau[:, None])  # (nodes, units)
        w = np.exp(-log_v)
        prior = self.location**-2
        precision = prior + w.sum(axis=1)  # (nodes,)
        mean = (w @ self.effects) / precision
        misfit = (w * (self.effects - mean[:, None]) ** 2).sum(axis=1) + prior * mean**2
        log_likelihood = -0.5 * (log_v.sum(axis=1) + np.log(precision) + misfit)
        log_prior = -np.logaddexp(0.0, 2.0 * (log_tau - math.log(self.scale)))  # half-Cauchy
        return log_likelihood + log_prior + log_tau, mean, precision  # + log_tau: d tau = tau d log tau

    def log_density(self, log_tau: Array) -> Array:
        return self.given_spread(log_tau)[0]


@dataclass(frozen=True, slots=True, eq=False)
class HierarchyPosterior:
    """The posterior of a normal hierarchy of summaries.

    Attributes
    ----------
    average
        Law of nu, the average over the population of units.
    new_unit
        Law of mu for a unit not seen yet. With a single unit its variance is infinite (the tail
        of the half-Cauchy), and ``new_unit_sd`` says so.
    change
        Largest relative change at the last doubling of the grid: the accuracy that was reached.
    """

    average: NormalMixture
    new_unit: NormalMixture
    change: float
    _problem: _Problem
    _unit: float  # what the problem is measured in
    _centre: float
    _log_tau: Array  # (nodes,), in the problem's measure
    _edges: Array  # (panels + 1,)

    @property
    def converged(self) -> bool:
        """Whether the grid was doubled until the answer stood still."""
        return self.change <= TOLERANCE

    @property
    def new_unit_sd(self) -> float:
        """Standard deviation of the predictive law; infinite for one unit alone."""
        return self.new_unit.sd if self._problem.effects.size > 1 else math.inf

    @property
    def spread_mean(self) -> float:
        """Posterior mean of tau, the spread between units."""
        return self._unit * float(self.average.weights @ np.exp(self._log_tau))

    @property
    def spread_sd(self) -> float:
        """Posterior standard deviation of tau; infinite for one unit alone."""
        if self._problem.effects.size == 1:
            return math.inf
        tau = np.exp(self._log_tau)
        mean = float(self.average.weights @ tau)
        return self._unit * math.sqrt(float(self.average.weights @ (tau - mean) ** 2))

    def spread_quantile(self, probability: float) -> float:
        """Quantile of tau: panel sums find the panel, bisection on a fresh rule finds the point."""
        mass = self.average.weights.reshape(-1, NODES.size).sum(axis=1).cumsum()  # (panels,)
        panel = min(int(np.searchsorted(mass, probability)), mass.size - 1)
        below = float(mass[panel - 1]) if panel else 0.0
        left, right = float(self._edges[panel]), float(self._edges[panel + 1])
        whole = self._panel_integral(left, right)
        share = float(mass[panel]) - below
        low, high = left, right
        while high - low > 1e-14 * max(1.0, abs(low), abs(high)):
            middle = 0.5 * (low + high)
            if below + share * self._panel_integral(left, middle) / whole < probability:
                low = middle
            else:
                high = middle
            if middle in (low, high) and high - low <= 2 * math.ulp(middle):
                break
        return self._unit * math.exp(0.5 * (low + high))

    def _panel_integral(self, left: float, right: float) -> float:
        nodes = 0.5 * (right - left) * NODES + 0.5 * (right + left)
        top = float(self._problem.log_density(self._edges).max())  # any common reference will do
        return 0.5 * (right - left) * float(WEIGHTS @ np.exp(self._problem.log_density(nodes) - top))

    def unit(self, index: int) -> NormalMixture:
        """Law of mu_index, the unit's own value: its estimate, shrunk towards the others."""
        effect, error = self._problem.effects[index], self._problem.errors[index]
        own = 1.0 / (1.0 + np.exp(2.0 * (math.log(error) - self._log_tau)))  # tau² / (tau² + error²)
        nu, nu_sd = (self.average.means - self._centre) / self._unit, self.average.deviations / self._unit
        means = own * effect + (1.0 - own) * nu
        variances = own * error**2 + ((1.0 - own) * nu_sd) ** 2
        return NormalMixture(self.average.weights, self._centre + self._unit * means, self._unit * np.sqrt(variances))


def default_scales(effects: Array, errors: Array) -> tuple[float, float]:
    """Prior scales ``(location, scale)`` read from the data: weak, and in the data's own measure.

    ``location`` is 2.5 times the root mean square of effects and errors about zero, ``scale`` the
    root of the effects' variance plus the errors': the most spread that the summaries can show.
    Units weigh 1 / (error² + median error²), so that neither a unit that knows nothing nor one
    that knows everything decides. Multiplying effects and errors by ten multiplies both by ten.

    Examples
    --------
    >>> location, scale = default_scales(np.array([28.0, 8.0, -3.0]), np.array([15.0, 10.0, 16.0]))
    >>> round(location, 2), round(scale, 2)
    (55.36, 19.26)
    """
    typical = float(np.median(errors)) ** 2
    weights = 1.0 / (errors**2 + typical)
    weights = weights / weights.sum()
    mean = float(weights @ effects)
    square = float(weights @ effects**2)
    variance = float(weights @ (effects - mean) ** 2)
    return 2.5 * math.sqrt(square + typical), math.sqrt(variance + typical)


def normal_hierarchy(
    effects: Array, errors: Array, *, location: float, scale: float, centre: float = 0.0
) -> HierarchyPosterior:
    """Posterior of a normal hierarchy of summaries (Appendix L.1), by quadrature over its spread.

    Right for any number of units >= 1 and any positive finite scales; relative accuracy about
    1e-10 (``change`` reports what was reached). O(nodes * units), some milliseconds.

    Parameters
    ----------
    effects, errors
        Shape (units,): the published estimates and their standard errors, finite, errors positive.
    location, scale
        Standard deviation of the normal prior of nu; scale of the half-Cauchy prior of tau.
    centre
        Mean of the normal prior of nu.

    References
    ----------
    Weinstein and Blei, JMLR 27(37) 2026, Appendix L.1; Gelman, Bayesian Analysis 1(3) 2006.

    Examples
    --------
    >>> y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    >>> se = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    >>> posterior = normal_hierarchy(y, se, location=5.0, scale=5.0)
    >>> round(posterior.average.mean, 4), round(posterior.average.sd, 4), round(posterior.spread_mean, 3)
    (4.3968, 3.3177, 3.598)
    """
    effects, errors = np.asarray(effects, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    unit = float(errors.max())
    problem = _Problem((effects - centre) / unit, errors / unit, location / unit, scale / unit)
    low, high = _support(problem)
    panels, previous, change = 8, None, math.inf
    while True:
        edges = np.linspace(low, high, panels + 1)
        log_tau, weights, means, precisions, figures = _rule(problem, edges)
        if previous is not None:
            change = float(np.max(np.abs(figures - previous)))
        if change <= TOLERANCE or panels >= MOST_PANELS:
            break
        previous, panels = figures, 2 * panels
    deviations = precisions**-0.5
    predictive = np.sqrt(1.0 / precisions + np.exp(2.0 * log_tau))
    nu = centre + unit * means
    return HierarchyPosterior(
        NormalMixture(weights, nu, unit * deviations),
        NormalMixture(weights, nu, unit * predictive),
        change,
        problem,
        unit,
        centre,
        log_tau,
        edges,
    )


def _rule(problem: _Problem, edges: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Nodes, normalised weights, conditional means and precisions, and figures to compare."""
    half = 0.5 * np.diff(edges)[:, None]  # (panels, 1)
    middle = 0.5 * (edges[1:] + edges[:-1])[:, None]
    log_tau = (middle + half * NODES).ravel()
    density, means, precisions = problem.given_spread(log_tau)
    top = float(density.max())
    mass = (half * WEIGHTS).ravel() * np.exp(density - top)
    total = float(mass.sum())
    weights = mass / total
    mean = float(weights @ means)
    deviation = math.sqrt(float(weights @ (1.0 / precisions + (means - mean) ** 2)))
    figures = np.array(
        [top + math.log(total), mean / deviation, math.log(deviation), math.log(float(weights @ np.exp(log_tau)))]
    )
    return log_tau, weights, means, precisions, figures


def _support(problem: _Problem) -> tuple[float, float]:
    """An interval of log tau outside which nothing counts, for tau² as well as for 1.

    Below the smallest scale the integrand falls like tau, above the largest like a power of tau,
    so a coarse walk from far left to far right meets every bump; the maximum is then zoomed in on
    (many units make it narrow) and the ends are found by bisection.
    """
    sizes = np.abs(problem.effects[problem.effects != 0.0])
    scales = np.concatenate([problem.errors, sizes, [problem.scale, problem.location]])
    start, stop = math.log(float(scales.min())) - DEPTH - 5.0, math.log(float(scales.max())) + 2.0 * DEPTH
    walk = np.arange(start, stop, 0.5)
    power = 2.0 if problem.effects.size > 1 else 1.0  # one unit alone has no second moment of tau
    ends: list[float] = []
    for moment, side in ((0.0, -1), (power, 1)):
        values = problem.log_density(walk) + moment * walk
        peak, top = _peak(problem, walk, values, moment)
        reached = walk[values > top - DEPTH]
        inner = peak if reached.size == 0 else (min(reached[0], peak) if side < 0 else max(reached[-1], peak))
        ends.append(_crossing(problem, float(inner), float(walk[0] if side < 0 else walk[-1]), top, moment))
    return ends[0], ends[1]


def _peak(problem: _Problem, walk: Array, values: Array, moment: float) -> tuple[float, float]:
    """The highest point of the log integrand: the walk's best node, zoomed in on."""
    best = int(values.argmax())
    point, top, width = float(walk[best]), float(values[best]), 0.5
    for _ in range(6):
        near = point + np.linspace(-width, width, 33)
        height = problem.log_density(near) + moment * near
        if float(height.max()) > top:
            point, top = float(near[height.argmax()]), float(height.max())
        width /= 8.0
    return point, top


def _crossing(problem: _Problem, inside: float, outside: float, top: float, moment: float) -> float:
    """Where the log integrand falls ``DEPTH`` below its maximum, between two points."""
    for _ in range(40):
        middle = 0.5 * (inside + outside)
        height = float(problem.log_density(np.array([middle]))[0]) + moment * middle
        inside, outside = (middle, outside) if height > top - DEPTH else (inside, middle)
    return outside
