"""Certified least values by SCIP, a second opinion on ours: spatial branch and bound of another house.

The laws are variables, their linear forms too; the polynomial is a sum of products of forms over the
labels' values (Bestuzheva et al., "Enabling research through the SCIP optimization suite 8.0", ACM
Transactions on Mathematical Software 49, 2023).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from umbel.errors import MissingExtra
from umbel.numerics.mccormick import Certified, floor_of
from umbel.numerics.multilinear import Polynomial, Term, value
from umbel.numerics.relaxation import Law

Array = NDArray[np.float64]

MOST_PRODUCTS = 5000
"""Values of a term's labels up to which SCIP is asked."""


def by_scip(
    polynomial: Polynomial, laws: Sequence[Law], *, attained: float, gap: float = 5e-4, seconds: float = 20.0
) -> Certified:
    """Bound a multilinear polynomial from below, over laws that meet their equations.

    Parameters
    ----------
    polynomial
        Its factors are nonnegative tables.
    laws
        Equations of each law.
    attained
        A value that is attained.
    gap
        Stop when SCIP's two bounds are this close.
    seconds
        Stop after this time; the value is certified all the same, to SCIP's tolerance of 1e-6.

    Raises
    ------
    MissingExtra
        Where pyscipopt is not installed.
    """
    try:
        import pyscipopt
    except ModuleNotFoundError:
        raise MissingExtra("pyscipopt", "certify") from None
    outside = min(floor_of(polynomial), attained)
    if any(_products(term) > MOST_PRODUCTS for term in polynomial.terms):
        return Certified(outside, 0, attained - outside <= gap, attained)
    model = pyscipopt.Model()
    model.hideOutput()
    model.setParam("limits/time", max(seconds, 0.1))
    model.setParam("limits/absgap", gap / 2)
    model.setParam("parallel/maxnthreads", 1)
    variables = {law: [model.addVar(lb=0.0, ub=1.0) for _ in range(laws[law].states)] for law in polynomial.laws}
    for law, its in variables.items():
        model.addCons(pyscipopt.quicksum(its) == 1.0)
        for row, right in zip(laws[law].rows, laws[law].right, strict=True):
            model.addCons(pyscipopt.quicksum(its[s] for s in np.nonzero(row)[0]) == float(right))
    total = []
    for term in polynomial.terms:
        forms = []
        for factor in term.factors:
            flat = factor.table.reshape(factor.table.shape[0], -1).T
            distinct, owner = np.unique(flat, axis=0, return_inverse=True)
            own = []
            for row in distinct:
                message = model.addVar(lb=0.0, ub=float(row.max(initial=0.0)))
                terms = (float(row[s]) * variables[factor.law][s] for s in np.nonzero(row)[0])
                model.addCons(message == pyscipopt.quicksum(terms))
                own.append(message)
            forms.append((factor.labels, factor.table.shape[1:], owner.reshape(-1), own))
        sizes = _sizes(term)
        for values in itertools.product(*(range(size) for size in sizes.values())):
            at = dict(zip(sizes, values, strict=True))
            weight = term.weight
            for known in term.known:
                weight *= float(known.table[tuple(at[label] for label in known.labels)])
            if weight:
                product = weight
                for labels, shape, owner, own in forms:
                    place = int(np.ravel_multi_index(tuple(at[label] for label in labels), shape)) if labels else 0
                    product = product * own[int(owner[place])]
                total.append(product)
    goal = model.addVar(lb=None, ub=None)
    model.addCons(goal >= pyscipopt.quicksum(total) + polynomial.constant)
    model.setObjective(goal, "minimize")
    model.optimize()
    floor = min(max(float(model.getDualbound()), outside), attained)
    best, found = attained, None
    if model.getNSols():
        solution = model.getBestSol()
        points = [np.full(law.states, 1.0 / law.states) for law in laws]
        for law, its in variables.items():
            point = np.maximum([float(solution[one]) for one in its], 0.0)
            points[law] = point / point.sum()
        number = value(polynomial, points)
        if number < best:
            best, found = number, tuple(points)
            floor = min(floor, best)
    return Certified(floor, int(model.getNTotalNodes()), best - floor <= gap * 1.001, best, found)


def _sizes(term: Term) -> dict[int, int]:
    sizes = {label: size for one in term.factors for label, size in zip(one.labels, one.table.shape[1:], strict=True)}
    sizes |= {label: size for one in term.known for label, size in zip(one.labels, one.table.shape, strict=True)}
    return sizes


def _products(term: Term) -> int:
    return math.prod(_sizes(term).values())
