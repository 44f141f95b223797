"""Certified least values by SCIP, a second opinion on ours: spatial branch and bound of another house.

The laws are variables, their linear forms too; the polynomial is a sum of products of forms over the
labels' values (Bestuzheva et al., "Enabling research through the SCIP optimization suite 8.0", ACM
Transactions on Mathematical Software 49, 2023).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.errors import MissingExtra
from umbel.numerics.branching import Certified
from umbel.numerics.mccormick import floor_of
from umbel.numerics.multilinear import Factor, Polynomial, Term, value
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
        return Certified.of(outside, 0, attained, gap)
    model = pyscipopt.Model()
    model.hideOutput()
    model.setParam("limits/time", max(seconds, 0.1))
    model.setParam("limits/absgap", gap / 2)
    model.setParam("parallel/maxnthreads", 1)
    variables = {place: _law(model, laws[place]) for place in polynomial.laws}
    summands = [one for term in polynomial.terms for one in _summands(model, term, variables)]
    goal = model.addVar(lb=None, ub=None)
    model.addCons(goal >= pyscipopt.quicksum(summands) + polynomial.constant)
    model.setObjective(goal, "minimize")
    model.optimize()
    floor = min(max(float(model.getDualbound()), outside), attained)
    best, found = attained, None
    if model.getNSols():
        points = _points(model.getBestSol(), laws, variables)
        reached = value(polynomial, points)
        if reached < best:  # SCIP's own value leans on its tolerance; ours is what the laws attain
            best, found = reached, tuple(points)
            floor = min(floor, best)
    return Certified.of(floor, int(model.getNTotalNodes()), best, gap, found)


def _law(model: Any, law: Law) -> list[Any]:
    """Variables for the probabilities of a law's states, held to its equations."""
    import pyscipopt

    its = [model.addVar(lb=0.0, ub=1.0) for _ in range(law.states)]
    model.addCons(pyscipopt.quicksum(its) == 1.0)
    for row, right in zip(law.rows, law.right, strict=True):
        model.addCons(pyscipopt.quicksum(its[s] for s in np.flatnonzero(row).tolist()) == float(right))
    return its


@dataclass(frozen=True, slots=True, eq=False)
class _Forms:
    """A factor's distinct linear forms as variables, found by the values of its labels."""

    labels: tuple[int, ...]
    shape: tuple[int, ...]
    owner: NDArray[np.intp]
    forms: list[Any]

    def at(self, values: Mapping[int, int]) -> Any:
        """The form at these values of the labels."""
        at = tuple(values[label] for label in self.labels)
        return self.forms[int(self.owner[np.ravel_multi_index(at, self.shape) if at else 0])]


def _forms(model: Any, factor: Factor, its: Sequence[Any]) -> _Forms:
    import pyscipopt

    flat = factor.table.reshape(factor.table.shape[0], -1).T
    distinct, owner = np.unique(flat, axis=0, return_inverse=True)
    forms = []
    for row in distinct:
        form = model.addVar(lb=0.0, ub=float(row.max(initial=0.0)))
        model.addCons(form == pyscipopt.quicksum(float(row[s]) * its[s] for s in np.flatnonzero(row).tolist()))
        forms.append(form)
    return _Forms(tuple(factor.labels), factor.table.shape[1:], owner.reshape(-1), forms)


def _summands(model: Any, term: Term, variables: Mapping[int, Sequence[Any]]) -> Iterator[Any]:
    """The products of forms, one for each combination of the labels' values that has a weight."""
    factors = [_forms(model, factor, variables[factor.law]) for factor in term.factors]
    sizes = _sizes(term)
    for values in itertools.product(*(range(size) for size in sizes.values())):
        at = dict(zip(sizes, values, strict=True))
        weight = term.weight
        for known in term.known:
            weight *= float(known.table[tuple(at[label] for label in known.labels)])
        if weight:
            product = weight
            for factor in factors:
                product = product * factor.at(at)
            yield product


def _points(solution: Any, laws: Sequence[Law], variables: Mapping[int, Sequence[Any]]) -> list[Array]:
    """The laws of a solution; uniform where the polynomial reads none."""
    points = [np.full(law.states, 1.0 / law.states) for law in laws]
    for place, its in variables.items():
        point = np.maximum([float(solution[one]) for one in its], 0.0)
        points[place] = point / point.sum()
    return points


def _sizes(term: Term) -> dict[int, int]:
    sizes = {label: size for one in term.factors for label, size in zip(one.labels, one.table.shape[1:], strict=True)}
    sizes |= {label: size for one in term.known for label, size in zip(one.labels, one.table.shape, strict=True)}
    return sizes


def _products(term: Term) -> int:
    return math.prod(_sizes(term).values())
