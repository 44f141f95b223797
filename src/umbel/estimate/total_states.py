"""Totals of parts that have few values: the estimand is read off the rows' own law, and no line is assumed.

Least squares moves the outcome along a line (Zhu, Budhathoki, Kübler and Janzing, appendix C). Where every
value of the parts occurs often enough, means within them need no line, and a bend is no error.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from umbel.data.rows import RowColumn, Rows, read_rows
from umbel.data.study import Study
from umbel.errors import InputError
from umbel.estimate.estimator import Target
from umbel.expr.build import leaves
from umbel.expr.macros import MacroForm
from umbel.expr.nodes import Drawn, Expr
from umbel.numerics.influence import Array
from umbel.results.check import Check
from umbel.variable import State

SAME = 1e-6
"""Relative distance up to which a total equals the sum of its parts: tables are rounded."""
ENOUGH = 10
"""Rows, on average, for each combination of parts and covariates that occurs."""


def moves(expr: Expr) -> bool:
    """Whether a law puts a variable somewhere by where it was: parts that are shifted."""
    return any(isinstance(leaf, Drawn) and leaf.policy.of in leaf.policy.given for leaf in leaves(expr))


def made_of_states(target: Target, study: Study) -> bool:
    """Whether a question about a total can be read off combinations of values that occur.

    Natural realisations and points, at given values of the total. Reads the rows: O(rows).
    """
    form = target.macro
    if form is None or form.known is not None or form.outcome_parts or study.data is None or study.unit:
        return False
    if moves(target.expr) or any(term.value is None for term in form.terms):
        return False
    within = [name for term in form.terms for name in term.within]
    names = tuple(dict.fromkeys((*form.parts, *form.adjust, *within)))
    if not all(study.holds(name) for name in (*names, form.outcome)):
        return False
    try:
        rows = read_rows(study, names, domains=target.domains)
    except InputError:  # the estimator that reads all of it will say so
        return False
    columns = [rows.columns[name] for name in names]
    if not all(one.discrete for one in columns) or not all(rows.columns[name].numeric for name in form.parts):
        return False
    seen = np.unique(np.column_stack([one.codes for one in columns if one.codes is not None]), axis=0)
    return float(rows.sample.counts.sum()) >= ENOUGH * len(seen)


def with_total(rows: Rows, form: MacroForm) -> Rows:
    """The rows with their total as the sum of its parts, where the parts are among them."""
    if not all(name in rows.columns and rows.columns[name].numeric for name in form.parts):
        return rows
    made = np.sum([w * rows.columns[name].values for name, w in zip(form.parts, form.weights, strict=True)], axis=0)
    checks = rows.checks
    if form.total in rows.columns:
        seen = rows.columns[form.total].values
        checks = (*checks, identity_check(form.total, seen, made, rows.sample.counts))
    values, codes = np.unique(np.round(made, 9), return_inverse=True)
    states: tuple[State, ...] = tuple(int(one) if one.is_integer() else one for one in values.tolist())
    column = RowColumn(values[codes.reshape(-1)], codes.reshape(-1).astype(np.int64), states)
    return replace(rows, columns={**rows.columns, form.total: column}, checks=checks)


def identity_check(name: str, seen: Array, made: Array, counts: Array) -> Check:
    """How many rows hold a total that is not the sum of its parts, and by how much."""
    off = np.abs(made - seen) > SAME * np.maximum(np.abs(made), np.abs(seen)).max(initial=1.0)
    count, most = float(counts[off].sum()), float(np.abs(made - seen).max())
    advice = f"In {count:g} rows {name} is not the sum of its parts, by up to {most:.4g}: the parts' sum is used there."
    return Check(f"{name} is its parts", count == 0, count, advice if count else "")
