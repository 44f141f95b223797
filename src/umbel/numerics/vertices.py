"""Vertices of a polytope's shadow: the few points between which linear forms of a law can range.

A polynomial that is linear in each of several laws has its optimum at vertices of each, and what it
reads of a law is often a handful of linear forms. The shadow of the polytope under these forms has
few dimensions, hence few vertices; they are found from linear programs in the directions of the
hull's facets until every facet is one of the polytope (Lassez and Lassez, "Quantifier elimination
for conjunctions of linear constraints via a convex hull algorithm", 1992).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from umbel.numerics.polytope import Polytope

Array = NDArray[np.float64]

MOST_DIMENSIONS = 6
MOST_POINTS = 1000
MOST_FACETS = 20_000
MOST_WORK = 200_000
"""Programs times states up to which a shadow is worth its vertices."""
FLAT = 1e-8
"""Width below which a direction is a number, and distance below which a facet is one of the polytope."""
SAME = 1e7
"""Facets whose unit normals agree to seven decimals lie in one hyperplane."""


def free_forms(forms: Array, rows: Array) -> Array:
    """An orthonormal basis of what linear forms say beyond equations; shape (dimensions, states).

    Parameters
    ----------
    forms
        Shape (forms, states).
    rows
        Equations of the law, shape (conditions, states); that it sums to 1 is added.

    Examples
    --------
    >>> len(free_forms(np.eye(3), np.array([[1.0, 0.0, 0.0]])))  # x_1 + x_2 is known too
    1
    """
    basis = np.vstack([np.ones((1, forms.shape[1])), rows])
    weights, *_ = np.linalg.lstsq(basis.T, forms.T, rcond=None)
    rest = forms - weights.T @ basis
    _, sizes, found = np.linalg.svd(rest, full_matrices=False)
    return np.asarray(found[sizes > 1e-8 * max(1.0, float(sizes.max(initial=0.0)))])


def vertices(laws: Polytope, forms: Array) -> Array | None:
    """Laws at every vertex of the shadow ``{forms x}``; None when there are too many to list.

    Parameters
    ----------
    laws
        A feasible polytope.
    forms
        Independent linear forms, shape (dimensions, states).

    Returns
    -------
    ndarray or None
        Shape (vertices, states).

    Examples
    --------
    >>> square = Polytope(np.array([[1.0, 1.0, 0.0, 0.0]]), np.array([0.5]))
    >>> len(vertices(square, np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])))
    4
    """
    if len(forms) > MOST_DIMENSIONS:
        return None
    simplex, normals = _simplex(laws, forms)
    dimensions = len(normals)
    if dimensions == 0:
        return simplex
    if dimensions == 1:
        return np.array([laws.minimum(normals[0]).point, laws.maximum(normals[0]).point])
    # In coordinates where the first simplex is the unit simplex no direction is thin.
    own = simplex @ normals.T  # (dimensions + 1, dimensions)
    inverse = np.linalg.inv((own[1:] - own[0]).T)
    return _hull(laws, inverse @ normals, simplex)


def _simplex(laws: Polytope, forms: Array) -> tuple[Array, Array]:
    """Points in general position that span the shadow, and the directions in which it has width."""
    states = forms.shape[1]
    points = [laws.minimum(np.zeros(states)).point]
    normals: list[Array] = []
    left = list(forms)
    while left:
        widths = []
        for one in left:
            low, high = laws.minimum(one), laws.maximum(one)
            widths.append((high.value - low.value, low.point, high.point))
        at = max(range(len(left)), key=lambda at: widths[at][0])
        if widths[at][0] < FLAT:
            break
        here = float(left[at] @ points[0])
        _, low_point, high_point = widths[at]
        far = max((low_point, high_point), key=lambda one: abs(float(left[at] @ one) - here))
        points.append(far)
        normals.append(left[at])
        # Turn the rest so that they no longer see the step to the new point.
        step = far - points[0]
        seen = float(left[at] @ step)
        left = [one - (float(one @ step) / seen) * left[at] for k, one in enumerate(left) if k != at]
    return np.array(points), np.array(normals).reshape(-1, states)


def _hull(laws: Polytope, forms: Array, simplex: Array) -> Array | None:
    """The hull grows by what programs find beyond its facets; it is built anew, since growing it loses precision."""
    points, closed = simplex, set[tuple[int, ...]]()
    try:
        while True:
            hull = ConvexHull(points @ forms.T)
            points = points[hull.vertices]
            fresh: dict[tuple[int, ...], Array] = {}
            for equation in hull.equations:
                key = _rounded(equation)
                if key in closed:
                    continue
                closed.add(key)
                if len(closed) * forms.shape[1] > MOST_WORK:
                    return None
                end = laws.maximum(equation[:-1] @ forms)
                if end.value + equation[-1] > FLAT:
                    fresh.setdefault(_rounded(forms @ end.point), end.point)
            if not fresh:
                return np.asarray(points)
            if len(points) + len(fresh) > MOST_POINTS or len(hull.equations) > MOST_FACETS:
                return None
            points = np.vstack([points, *fresh.values()])
    except QhullError:  # a shadow that rounding makes too thin to say what its facets are
        return None


def _rounded(values: Array) -> tuple[int, ...]:
    return tuple(np.round(values * SAME).astype(np.int64).tolist())
