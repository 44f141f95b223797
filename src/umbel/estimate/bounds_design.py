"""What weighted and clustered rows are worth to bounds, and what rows with holes are taken for.

A likelihood region reads counts of independent rows. Rows that weigh differently, or that are drawn in
clusters, tell less; they count as so many plain rows that no share of cells varies more than theirs does
(the largest generalised design effect: Rao and Scott, Journal of the American Statistical Association
76(374), 1981), so that the interval keeps its coverage whatever cells the ends of the bounds lean on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from umbel.data.doubts import of_fractions
from umbel.data.values import has_fractions
from umbel.estimate.bounds_arrays import Array, Records
from umbel.results.check import Check

Codes = NDArray[np.int64]

MOST_CELLS = 1000
"""Cells up to which the largest design effect is found exactly; beyond, a bound of it."""
MOST_ENTRIES = 20_000_000
FEW_CLUSTERS = 20


def effective_rows(sums: Array, squares: Array) -> float:
    """How many plain rows tell as much of every share of cells as these weighted ones, or less; O(cells³).

    One design effect for all cells (Kish, Survey Sampling, 1965) is too small for a share of cells whose
    rows weigh more than others.

    Parameters
    ----------
    sums, squares
        Shapes (cells,): sums of weights, positive, and of their squares.

    Examples
    --------
    >>> round(effective_rows(np.array([30.0, 70.0]), np.array([30.0, 70.0])))
    100
    >>> round(effective_rows(np.array([30.0, 70.0]), np.array([90.0, 70.0])))  # 10 rows of weight 3
    42
    """
    total = float(sums.sum())
    shares = sums / total
    if len(sums) == 1:
        return total**2 / float(squares.sum())
    if len(sums) > MOST_CELLS:
        return total / float((squares / sums).max())
    root = np.sqrt(shares)
    ratio = squares / root
    spread = np.diag(squares / shares) - np.outer(ratio, root) - np.outer(root, ratio)
    spread += float(squares.sum()) * np.outer(root, root)  # variance of shares, in units of a plain sample's
    return total**2 / float(np.linalg.eigvalsh(spread)[-1])


def effective_clusters(cells: Codes, amounts: Array, clusters: Codes) -> float:
    """The same for rows drawn in clusters; at least two; O(clusters * cells²).

    Parameters
    ----------
    cells, clusters
        Shapes (rows,): codes 0, 1, …, each in use.
    amounts
        Shape (rows,): what each row weighs, positive.

    Examples
    --------
    >>> own, pairs = np.arange(400), np.arange(400) // 2
    >>> round(effective_clusters(pairs % 2, np.ones(400), pairs) / effective_clusters(own % 2, np.ones(400), own), 2)
    0.5
    """
    total, draws = float(amounts.sum()), int(clusters.max()) + 1
    shares = np.bincount(cells, amounts) / total
    loss = draws / (draws - 1.0)
    if draws * len(shares) > MOST_ENTRIES or min(draws, len(shares)) > MOST_CELLS:
        return total / (loss * float(np.bincount(clusters, amounts).max()))
    away = np.zeros((draws, len(shares)))
    np.add.at(away, (clusters, cells), amounts)
    away -= away.sum(axis=1, keepdims=True) * shares
    away /= np.sqrt(shares) * total
    largest = loss * float(np.linalg.norm(away, 2)) ** 2
    return 1.0 / largest if largest > 0.0 else float(draws)  # one cell alone


def design_lines(records: Iterable[Records]) -> tuple[str, ...]:
    """What the Answer says of rows that count as fewer."""
    lines = []
    for one in records:
        if one.rows is not None:
            each = "Each row" if one.clusters is None else f"Each of {one.clusters:,} clusters"
            lines.append(
                f"{each} of {one.name} is drawn by itself; its {one.rows:,.0f} rows count as {one.total:,.0f} in the "
                "interval: what the largest design effect of any share of them leaves."
            )
    return tuple(lines)


def design_checks(records: Iterable[Records], reads: Sequence[int], names: Sequence[str]) -> tuple[Check, ...]:
    """Few clusters, counts that are no numbers of rows, and rows that lack a value which the programme reads.

    Parameters
    ----------
    records
        One per study.
    reads
        Variables of the programme that the question leans on.
    names
        Of the programme's variables.
    """
    checks = []
    for one in records:
        if one.clusters is not None and one.clusters < FEW_CLUSTERS:
            few = f"{one.clusters} clusters of {one.name} tell little of the error: take the interval as rough."
            checks.append(Check("clusters", False, float(one.clusters), few))
        if not one.population and has_fractions(one.counts if one.rows is None else np.array([one.rows])):
            checks.append(of_fractions(one.name, one.total if one.rows is None else one.rows))
        gaps = [node for node in reads if _in_part(one.codes[:, node])]
        lacking = (one.codes[:, gaps] < 0).any(axis=1)
        if lacking.any():
            share = float(one.counts[lacking].sum()) / one.total
            which = ", ".join(names[node] for node in gaps)
            words = (
                f"{share:.1%} of the rows of {one.name} lack a value of {which}. They count by what they show, which "
                "is right where nothing but that decides which values are missing (missing at random)."
            )
            checks.append(Check("complete rows", False, share, words))
    return tuple(checks)


def _in_part(codes: Codes) -> bool:
    """Whether a variable that the study measures is missing somewhere."""
    return bool((codes < 0).any() and (codes >= 0).any())
