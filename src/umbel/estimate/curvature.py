"""Whether a total's outcome bends where least squares draws lines: every square and product, not the total's alone.

``E[Y | do(total = x by R)]`` is read off lines in the parts and covariates, or in the total and covariates
(Zhu, Budhathoki, Kübler and Janzing, appendix C). A product of two parts, or of a part and a covariate, moves
the answer and may leave no square of the total behind.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.linalg import qr
from scipy.stats import f

from umbel.errors import DataError
from umbel.estimate.totals_data import TotalRows
from umbel.expr.macros import MacroForm
from umbel.numerics.aggregation_fit import fit_parts
from umbel.numerics.influence import Array, Sample
from umbel.results.check import Check, p_words

DOUBT = 0.002
"""Wald's test of lines fails this often where lines are right."""
BEYOND = 0.05
"""Share of rows that may be moved beyond the values that occur, and share of their range that is no distance."""
MOST = 12
"""Columns beyond which products are too many to test at once."""
ROWS = 10
"""Rows for each coefficient, at least."""


def straight(rows: TotalRows, form: MacroForm, *, by_parts: bool, by_total: bool) -> tuple[Check, ...]:
    """Wald's tests that second-degree terms, and the total's cube, add nothing; O(rows * terms²).

    Parameters
    ----------
    rows, form
        The table and the question.
    by_parts, by_total
        Which lines the answer is read off.
    """
    within = tuple(dict.fromkeys((*form.adjust, *(name for term in form.terms for name in term.within))))
    others = rows.covariates(within)
    found = []
    if by_parts and rows.parts is not None and form.known is None:
        found.append(("parts", np.column_stack([rows.parts, others]), np.empty((len(rows.total), 0))))
    if by_total:
        centred = rows.total - rows.rows.sample.mean(rows.total)
        size = float(np.sqrt(rows.rows.sample.mean(centred**2)))
        cube = (centred / size)[:, None] ** 3
        found.append(("total", np.column_stack([rows.total, others]), cube))
    checks = []
    for what, lines, more in found:
        p = _bends(lines, more, rows.outcome, rows.rows.sample)
        if p is not None:
            text = f"The mean of {form.outcome} bends away from lines in the {what} of {form.total}" * (what == "parts")
            text = text or f"The mean of {form.outcome} bends away from lines in {form.total}"
            beside = " and covariates" if within else ""
            advice = f"{text}{beside} ({p_words(p)}): the number is that of the nearest lines."
            checks.append(Check(f"lines in the {what}", p > DOUBT, p, "" if p > DOUBT else advice))
    return tuple(checks)


def reach(rows: TotalRows, form: MacroForm) -> tuple[Check, ...]:
    """Whether a realisation moves parts to values that occur: beyond them, the number follows lines that no row shows.

    ``value``: the largest share of rows that a term moves beyond what some part shows.
    """
    if rows.parts is None or form.known is not None:
        return ()
    low, high = rows.parts.min(axis=0), rows.parts.max(axis=0)
    slack = BEYOND * (high - low)
    worst, text = 0.0, ""
    for term in form.terms:
        if term.value is None or term.kind not in ("shift", "perfect", "point"):
            continue
        moved = np.array([term.point], dtype=np.float64)
        if term.kind != "point":
            moved = rows.parts + np.outer(term.value - rows.total, term.direction)
        beyond = (moved < low - slack) | (moved > high + slack)  # (rows, parts), one row for a point
        mass = rows.rows.sample.mass if term.kind != "point" else np.ones(1)
        share, part = float(mass @ beyond.any(axis=1)), form.parts[int((mass @ beyond).argmax())]
        if share > worst:
            worst, text = share, f"{form.total} = {term.value:g} by {term.text} moves {part} beyond what any row shows"
    if not any(term.kind in ("shift", "perfect", "point") for term in form.terms):
        return ()
    passed = worst <= BEYOND
    advice = "" if passed else f"{text}, in {worst:.0%} of the rows: lines that no row supports."
    return (Check("values that occur", passed, worst, advice),)


def _bends(lines: Array, more: Array, outcome: Array, sample: Sample) -> float | None:
    """p that squares and products of the columns, and ``more``, have no effect; None where that cannot be told."""
    width = lines.shape[1]
    if width > MOST:
        return None
    centred = lines - sample.mass @ lines
    size = np.sqrt(sample.mass @ centred**2)
    if not (size > 0.0).all():
        return None
    unit = centred / size
    pairs = itertools.combinations_with_replacement(range(width), 2)
    terms = np.column_stack([*(unit[:, i] * unit[:, j] for i, j in pairs), more])
    root = np.sqrt(sample.mass)[:, None]
    basis, _ = np.linalg.qr(root * np.column_stack([np.ones(len(unit)), unit]))
    left = root * terms
    left = left - basis @ (basis.T @ left)
    _, upper, order = qr(left, mode="economic", pivoting=True)
    kept = sorted(order[: int((np.abs(np.diag(upper)) > 1e-6).sum())].tolist())  # a column of two values has no square
    if not kept or float(sample.counts.sum()) < ROWS * (width + len(kept)):
        return None
    try:
        fit = fit_parts(terms[:, kept], outcome, unit, sample)
    except DataError:
        return None
    cov = fit.cov()
    if not np.isfinite(cov).all() or not cov.any():
        return None
    rank = int(np.linalg.matrix_rank(cov, hermitian=True))
    statistic = float(fit.alpha @ np.linalg.pinv(cov, hermitian=True) @ fit.alpha)
    return float(f.sf(statistic / rank, rank, max(fit.degrees, 1.0)))
