"""Does it matter in which order the members of a block answer each other? Two checks of an equilibrium.

Conditionals that fit one joint law lead to it in any order. Under a policy they rarely fit, and then
each order of a sweep settles elsewhere; the estimate is for random order, and the others say how much
hangs on that (Heckerman et al., "Dependency networks for inference, collaborative filtering, and data
visualization", JMLR 1, 2000, on what pseudo-Gibbs sampling settles in).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, permutations, product

import numpy as np

from umbel.data.rows import Rows
from umbel.estimate.cell_formula import CellLaw, node_of
from umbel.estimate.estimator import Target
from umbel.estimate.expansion import equilibria
from umbel.estimate.flat import Case, Unanswered, cases_of
from umbel.estimate.means import with_means
from umbel.expr.nodes import Equilibrium, Raw
from umbel.numerics.equilibrium import incompatibility, stationary
from umbel.numerics.tables import Array
from umbel.numerics.tensors import aligned
from umbel.results.check import Check

MOST_ORDERS = 24
"""Orders of a sweep that are tried: all of two blocks of three members, or of one of four."""
FITS = 1e-9
"""Largest total variation by which an update may move a law that fits: rounding."""
LITTLE = 0.01
"""Difference between two orders, as a share of the larger value, that is called little."""


def settling_checks(target: Target, rows: Rows, law: CellLaw) -> tuple[Check, ...]:
    """Whether the laws of each block fit, and the range of the first number over orders; none without blocks."""
    case = next(iter(cases_of(target, rows)), None)
    blocks = [] if case is None else list(dict.fromkeys(equilibria(case.expr)))
    if case is None or not blocks:
        return ()
    worst = max(_misfit(block, law) for block in blocks)
    words = "In each block the laws fit one joint law: every order of answering settles alike."
    if worst <= FITS:
        return (Check("block: laws fit", True, worst, words),)
    fit = Check(
        "block: laws fit", False, worst, "The laws of a block fit no joint law, so the order of answering counts."
    )
    values = [
        value for order in islice(_orders(blocks), MOST_ORDERS) if (value := _value(case, law, order)) is not None
    ]
    base = _value(case, law, law.scan)
    if base is None or not values:
        return (fit,)
    low, high = min(values), max(values)
    spread = max(abs(low - base), abs(high - base))
    little = spread <= LITTLE * max(abs(low), abs(high), abs(base))
    own = "random order" if law.scan is None else "the order that was asked for"
    how = f"The estimate is for {own}; in a fixed order it lies between {low:.4g} and {high:.4g}."
    return fit, Check("block: order of answering", little, spread, how)


def _misfit(block: Equilibrium, law: CellLaw) -> float:
    nodes = [node_of(one, law) for one in block.laws]
    outside = tuple(dict.fromkeys(label for node in nodes for label in node.labels if label not in block.members))
    labels = (*outside, *block.members)
    arrays = [aligned(node.tensor, labels) for node in nodes]
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    stacked: list[Array] = [np.broadcast_to(one, shape).reshape(-1, *shape[len(outside) :]) for one in arrays]
    return incompatibility(stacked, stationary(stacked))


def _orders(blocks: list[Equilibrium]) -> Iterator[tuple[str, ...]]:
    """Every order inside each block, the blocks in turn."""
    names = list(dict.fromkeys(tuple(_names(block)) for block in blocks))
    for chosen in product(*(permutations(own) for own in names)):
        yield tuple(dict.fromkeys(name for own in chosen for name in own))


def _names(block: Equilibrium) -> Iterator[str]:
    for member in block.members:
        assert isinstance(member.meaning, Raw)
        yield member.meaning.name


def _value(case: Case, law: CellLaw, scan: tuple[str, ...] | None) -> float | None:
    """The estimate under one scan; None where it has none, or is no number."""
    try:
        node = node_of(with_means(case.expr), replace(law, scan=scan))
    except Unanswered:
        return None
    return float(node.tensor.array) if not node.labels and np.isfinite(node.tensor.array) else None
