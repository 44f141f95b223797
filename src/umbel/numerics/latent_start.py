"""Where maximum likelihood begins: from the moment estimator, else from random posteriors.

The jointly diagonalised operators give, for either side of proxies, linear weights whose mean is 1
in one class and 0 in the others. Sums with them are unbiased for sums over that class, so that each
factor is fitted once with the weights of the *other* side and EM starts beside its destination.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from umbel.numerics.arm_moments import ArmMoments
from umbel.numerics.joint_diagonal import Diagonalised
from umbel.numerics.latent_em import LatentFit, LatentModel, fitted, maximised, posterior
from umbel.numerics.latent_factors import Categories
from umbel.numerics.operators import Operators

Array = NDArray[np.float64]
TIE = 1e-12
"""Share of a log likelihood by which rounding tells two climbs to one point apart: the earlier start is kept."""
BLEND = 0.02
"""Share of the uniform law in every start: EM never leaves a zero."""


def class_weights(
    moments: ArmMoments, found: Operators, classes: Diagonalised, z: Array, x: Array, arm: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Unbiased weights of the classes from X and from Z, each of shape (rows, k).

    Parameters
    ----------
    moments, found, classes
        From the same rows.
    z, x
        Shape (rows, dz) and (rows, dx): the features that the moments were taken of.
    arm
        Shape (rows,).
    """
    dual = np.linalg.pinv(classes.features)  # (k directions, k classes)
    of_x = x @ found.basis @ dual
    of_z = np.zeros_like(of_x)
    for t, zx in enumerate(moments.zx):
        loads = zx @ found.basis @ dual  # E[Z 1(u) | t], (dz, k)
        rows = arm == t
        of_z[rows] = z[rows] @ np.linalg.pinv(loads, rcond=1e-6).T * loads_share(loads, moments, t)
    return of_x, of_z


def loads_share(loads: Array, moments: ArmMoments, arm: int) -> Array:
    """P(u | t): the loads of the constant, which lies in the span of Z's features."""
    constant = np.linalg.lstsq(moments.zz[arm], _ones(moments, arm), rcond=None)[0]
    return np.asarray(constant @ loads)


def _ones(moments: ArmMoments, arm: int) -> Array:
    """E[Z | t], read off E[Z X' | t] at the constant of X."""
    return np.asarray(moments.zx[arm] @ moments.unit)


def moment_start(model: LatentModel, of_x: Array, of_z: Array, sides: Sequence[bool]) -> LatentFit:
    """Each factor fitted with signed weights of the side that it does not belong to.

    Parameters
    ----------
    model
        What will be fitted.
    of_x, of_z
        Signed weights, shape (rows, k).
    sides
        For each factor, whether it belongs to the X side.
    """
    plain = maximised(model, of_x)
    crossed = maximised(model, of_z)
    pairs = zip(model.factors, plain.values, crossed.values, sides, strict=True)
    values = tuple(
        _blended(other if side else own, isinstance(factor, Categories)) for factor, own, other, side in pairs
    )
    prior = np.clip(np.nan_to_num(plain.prior), BLEND, None)
    return LatentFit(prior / prior.sum(1, keepdims=True), values, -np.inf)


def random_starts(model: LatentModel, number: int, *, rng: np.random.Generator) -> Iterator[LatentFit]:
    """Fits to random posteriors, spread around the uniform one."""
    for _ in range(number):
        yield maximised(model, rng.dirichlet(np.ones(model.classes), size=len(model.weights)))


def best_fit(model: LatentModel, starts: Sequence[LatentFit]) -> LatentFit:
    """The stationary point of highest likelihood; a short EM from each start picks those that are finished."""
    if len(starts) == 1:
        return fitted(model, starts[0])
    short = [_short(model, start) for start in starts]
    order = np.argsort([-one.log_likelihood for one in short], kind="stable")
    finished = {int(i): fitted(model, short[i] if i else starts[0]) for i in order[: max(2, len(starts) // 3)]}
    top = max(one.log_likelihood for one in finished.values())
    alike = [i for i, one in finished.items() if one.log_likelihood >= top - TIE * abs(top)]
    return finished[min(alike)]


def higher_fit(model: LatentModel, starts: Sequence[LatentFit], *, steps: int = 20) -> LatentFit:
    """A short EM from each start, and the highest of them finished: half the price of finishing two."""
    short = [_short(model, start, steps) for start in starts]
    return fitted(model, max(short, key=lambda one: one.log_likelihood), em_steps=10)


def blended(model: LatentModel, fit: LatentFit) -> LatentFit:
    """A fit as a start for other weights: away from edges, which EM never leaves."""
    prior = np.clip(fit.prior, BLEND, None)
    values = tuple(_blended(v, isinstance(one, Categories)) for one, v in zip(model.factors, fit.values, strict=True))
    return LatentFit(prior / prior.sum(1, keepdims=True), values, -np.inf)


def _short(model: LatentModel, start: LatentFit, steps: int = 60) -> LatentFit:
    fit = start
    for _ in range(steps):
        fit = maximised(model, posterior(model, fit.prior, fit.values)[0])
    logs = posterior(model, fit.prior, fit.values)[1]
    return LatentFit(fit.prior, fit.values, float(model.weights @ logs))


def _blended(table: Array, probabilities: bool) -> Array:
    """A table of probabilities away from its edges; anything else as it is."""
    if not probabilities:
        return table
    kept = np.clip(table, 0.0, None)
    total = kept.sum(1, keepdims=True)
    kept = np.where(total > 0, kept / np.where(total > 0, total, 1.0), 1.0 / table.shape[1])
    return np.asarray((1 - BLEND) * kept + BLEND / table.shape[1])
