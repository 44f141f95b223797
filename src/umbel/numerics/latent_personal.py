"""What proxies say of a row that was not fitted: the chance of each class, and the effect to be expected.

``P(u | z, x)`` by Bayes' rule from the fitted laws, the effects of the classes averaged over it.
Errors are of the parameters, by the delta method with central differences; the row's own class stays
unknown, and ``spread`` says how much that leaves open.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umbel.errors import DataError
from umbel.numerics.latent_em import LatentFit, LatentModel, moved
from umbel.numerics.latent_inference import ClassValues, ErrorKind, Personal, covariance
from umbel.numerics.mixture_cells import CellFit

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Quantities = Callable[[Array, tuple[Array, ...]], Array]
"""From the prior and the factors' parameters to numbers, shape (m,)."""

STEP = 1e-5
"""Of central differences in softmax coordinates, whose error is its square."""


def covariance_of(
    model: LatentModel,
    fit: LatentFit,
    found: ClassValues,
    asked: Quantities,
    *,
    kind: ErrorKind,
    clusters: Codes | None = None,
) -> Array | None:
    """Covariance of any smooth quantities of the parameters, shape (m, m); None where the likelihood is flat.

    Parameters
    ----------
    model, fit, found
        A stationary point and what it says.
    asked
        The quantities.
    kind, clusters
        As in :func:`~umbel.numerics.latent_inference.covariance`.
    """
    size = sum(model.sizes)
    gradient = np.empty((size, len(asked(fit.prior, fit.values))))
    for i in range(size):
        step = np.zeros(size)
        step[i] = STEP
        gradient[i] = (asked(*moved(model, fit, step)) - asked(*moved(model, fit, -step))) / (2 * STEP)
    still = np.zeros((model.strata, gradient.shape[1]))
    here = ClassValues(found.probabilities, found.means, gradient, still)
    return covariance(model, fit, here, kind=kind, clusters=clusters)


def personal_of_proxies(
    found: CellFit, z: ArrayLike, x: ArrayLike, *, treated: int, control: int = 0
) -> Personal | None:
    """Chances of the classes and expected effects of rows whose proxies alone are seen; None where flat.

    Parameters
    ----------
    found
        A fit of a table.
    z, x
        Shape (rows,): states of either side.
    treated, control
        The arms that are compared.

    Raises
    ------
    DataError
        For a state that the fitted table does not show.
    """
    arms, k = len(found.values.means), found.model.classes
    values = found.outcome.values
    assert values is not None, "a table's outcome has states"

    def of_z(laws: tuple[Array, ...]) -> Array:
        """P(z | u), shape (dz, k): at level 3 its factor has the treatment too."""
        return np.asarray(laws[0][0].reshape(-1, arms, k).sum(1) if len(laws) == 3 else laws[0][0])

    own = of_z(found.fit.values)
    rows_z = _states(z, "Z", own, found.fit.prior[0])
    rows_x = _states(x, "X", found.fit.values[1][0], found.fit.prior[0])
    if rows_z.shape != rows_x.shape:
        raise DataError(f"Z has {len(rows_z)} rows and X {len(rows_x)}. Give one state of each per row.")
    pairs, at = np.unique(np.stack([rows_z, rows_x]), axis=1, return_inverse=True)
    both = found.fit.prior[0] * own[pairs[0]] * found.fit.values[1][0][pairs[1]]
    if (both.sum(1) <= 0).any():
        first, second = pairs[:, np.flatnonzero(both.sum(1) <= 0)[0]]
        raise DataError(f"No class shows state {first} of Z beside state {second} of X: nothing is known of such rows.")

    def asked(prior: Array, laws: tuple[Array, ...]) -> Array:
        chance = prior[0] * of_z(laws)[pairs[0]] * laws[1][0][pairs[1]]
        chance = chance / chance.sum(1, keepdims=True)
        means = np.einsum("tyu,y->tu", laws[2], values)
        return np.concatenate([chance @ (means[treated] - means[control]), chance.ravel()])

    point = asked(found.fit.prior, found.fit.values)
    errors = covariance_of(found.model, found.fit, found.values, asked, kind="expected")
    if errors is None:
        return None
    se, number, at = np.sqrt(np.maximum(np.diag(errors), 0.0)), pairs.shape[1], at.reshape(-1)
    chance = point[number:].reshape(number, k)
    effects = found.values.means[treated] - found.values.means[control]
    spread = np.sqrt(np.maximum(chance @ effects**2 - (chance @ effects) ** 2, 0.0))
    of_chance = se[number:].reshape(number, k)
    return Personal(chance[at], point[:number][at], se[:number][at], spread[at], of_chance[at])


def _states(given: ArrayLike, side: str, law: Array, prior: Array) -> Codes:
    """States of a side, checked against what the fit has seen; ``law`` has shape (states, k)."""
    codes = np.asarray(given)
    if codes.ndim != 1 or not np.issubdtype(codes.dtype, np.integer):
        raise DataError(f"States of {side} are whole numbers, one per row: places on the axis of the fitted table.")
    shown = np.flatnonzero(law @ prior > 0)
    unknown = ~np.isin(codes, shown)
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        listed = ", ".join(map(str, shown.tolist()))
        raise DataError(f"{side} is {codes[row]} in row {row}, and the fitted table shows {listed} alone.")
    return codes.astype(np.int64)
