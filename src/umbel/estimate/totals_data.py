"""Rows of a total: its parts, the outcome, the covariates; and whether the total is the sum of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from umbel.data.rows import RowColumn, Rows, read_rows
from umbel.data.study import Study
from umbel.estimate.flat import Unanswered
from umbel.estimate.macro_report import PartsData
from umbel.estimate.total_states import identity_check
from umbel.expr.macros import MacroForm
from umbel.numerics.influence import Array
from umbel.results.check import Check
from umbel.variable import Domain


@dataclass(frozen=True, slots=True, eq=False)
class TotalRows:
    """Complete rows.

    Parameters
    ----------
    rows
        As they were read.
    parts
        Shape (rows, parts); None where the table does not hold them.
    total, outcome
        Shape (rows,).
    checks
        Whether totals are the sums of their parts.
    """

    rows: Rows
    parts: Array | None
    total: Array
    outcome: Array
    checks: tuple[Check, ...]

    def needed(self) -> Array:
        """The parts; the estimator asked for them before it read."""
        assert self.parts is not None
        return self.parts

    def covariates(self, names: tuple[str, ...]) -> Array:
        """Covariates as numbers: a column for each state but the first of those that have words.

        Returns
        -------
        Array
            Shape (rows, columns).
        """
        return columns_of(self.rows, names)

    def data(self, form: MacroForm) -> PartsData:
        """In the form that reports read."""
        return PartsData(
            form.parts,
            np.array(form.weights),
            self.needed(),
            self.outcome,
            self.covariates(form.adjust),
            self.rows.sample,
        )


def columns_of(rows: Rows, names: Sequence[str]) -> Array:
    """Covariates as numbers, shape (rows, columns): a column for each state but the first where they are words."""
    blocks = [_columns(rows.columns[name]) for name in names]
    return np.column_stack(blocks) if blocks else np.empty((rows.size, 0))


def _columns(column: RowColumn) -> Array:
    if column.numeric:
        return column.values[:, None]
    assert column.codes is not None
    return np.asarray(column.codes[:, None] == np.arange(1, len(column.states)), dtype=np.float64)


def read_total(study: Study, form: MacroForm, domains: Mapping[str, Domain]) -> TotalRows:
    """Read the columns of a macro question; O(rows * parts).

    Raises
    ------
    Unanswered
        For parts or outcomes that hold words.
    """
    held = [name for name in form.parts if study.holds(name)]
    parts = form.parts if len(held) == len(form.parts) else ()
    inner = tuple(name for name, _ in form.outcome_parts)
    own = study.holds(form.outcome)
    within = [name for term in form.terms for name in term.within]
    names = [*parts, *((form.total,) if study.holds(form.total) else ()), *((form.outcome,) if own else inner)]
    names += [*form.adjust, *within]
    names += [name for name in inner if study.holds(name)]
    rows = read_rows(study, tuple(dict.fromkeys(names)), domains=domains)
    for name in (*parts, form.total, form.outcome):
        if name in rows.columns and not rows.columns[name].numeric:
            raise Unanswered(f"{name} holds words, and its sums and means are asked for.", "Give it numbers.")
    checks: list[Check] = []
    table = np.column_stack([rows.columns[name].values for name in parts]) if parts else None
    total = _total(rows, form.total, tuple(zip(form.parts, form.weights, strict=True)), checks)
    outcome = _total(rows, form.outcome, form.outcome_parts, checks)
    if float(np.ptp(total)) == 0.0:
        raise Unanswered(f"{form.total} has the same value in every row.", "Collect rows in which it varies.")
    return TotalRows(rows, table, total, outcome, tuple(checks))


def _total(rows: Rows, name: str, parts: tuple[tuple[str, float], ...], checks: list[Check]) -> Array:
    """A variable's column, and where it is a total whose parts are held: their sum, and whether they agree."""
    seen = rows.columns[name].values if name in rows.columns else None
    if not parts or any(part not in rows.columns for part, _ in parts):
        assert seen is not None
        return seen
    made = np.sum([weight * rows.columns[part].values for part, weight in parts], axis=0)
    if seen is None:
        return np.asarray(made, dtype=np.float64)
    checks.append(identity_check(name, seen, made, rows.sample.counts))
    return np.asarray(made, dtype=np.float64)
