"""What a study of summaries publishes: one figure with its standard error per unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from umbel.data.fetching import fetch_columns
from umbel.data.study import Study, Summary
from umbel.data.values import Array, numbers, state_of
from umbel.errors import DataError
from umbel.results.check import Check


@dataclass(frozen=True, slots=True, eq=False)
class UnitSummaries:
    """Figures of the units that published them.

    Parameters
    ----------
    of
        What each figure estimates inside its unit.
    effects, errors
        Shape (units,), finite; errors are positive.
    labels
        The units' keys as text, or their row numbers.
    unit
        What a unit is called: the key column's name, or ``"unit"``.
    shares
        For each variable with counts: its states' shares in each unit, shape (units, states).
    checks
        What was left out, as a Check.
    numbers
        Further variables of the units that were asked for, shape (units,) each.
    """

    of: str
    effects: Array
    errors: Array
    labels: tuple[str, ...]
    unit: str
    shares: tuple[tuple[str, Array], ...]
    checks: tuple[Check, ...]
    numbers: tuple[tuple[str, Array], ...] = ()


def read_summary(study: Study, summary: Summary, *, more: Sequence[str] = ()) -> UnitSummaries:
    """Read one summary of a study; a unit without figure or error is left out, and counted.

    ``more`` names variables of the units that are read beside it; a unit without one is left out.

    Raises
    ------
    DataError
        For a standard error that is not positive, two rows of one unit, or no unit at all.
    """
    table = study.units[-1]
    names = [column for _, columns in study.counts for column in columns]
    keys = list(study.unit)
    columns = fetch_columns(table, [summary.value, summary.se, *names, *keys], reason="summaries")
    effects = numbers(columns[0], where=f"Column {summary.value!r} of {table.name}")
    errors = numbers(columns[1], where=f"Column {summary.se!r} of {table.name}")
    shares = _shares(study, columns[2 : 2 + len(names)])
    labels = _labels(columns[2 + len(names) :], len(effects), table.name)
    further = [(name, _further(study, name)) for name in more]
    kept = np.isfinite(effects) & np.isfinite(errors)
    for _, values in further:
        kept &= np.isfinite(values)
    listed = ", ".join(
        repr(name) for name in (summary.value, summary.se, *(study.column(name).column for name in more))
    )
    if not kept.any():
        raise DataError(f"No row of {table.name} has all of {listed}.")
    wrong = kept & ~(errors > 0)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"The standard error of {labels[row]} in column {summary.se!r} of {table.name} is {errors[row]:g}. "
            "Standard errors are positive."
        )
    dropped = int((~kept).sum())
    advice = f"{dropped} of {len(kept)} units lack one of {listed} and were left out."
    return UnitSummaries(
        summary.of,
        effects[kept],
        errors[kept],
        tuple(label for label, keep in zip(labels, kept, strict=True) if keep),
        study.unit[-1] if study.unit else "unit",
        tuple((name, share[kept]) for name, share in shares),
        (Check("complete summaries", dropped == 0, float(dropped), advice if dropped else ""),),
        tuple((name, values[kept]) for name, values in further),
    )


def _further(study: Study, variable: str) -> Array:
    """A variable of the units as numbers."""
    table, column = study.units[-1], study.column(variable)
    (found,) = fetch_columns(table, [column.column], reason=f"variable {variable}")
    return numbers(found, where=f"Column {column.column!r} of {table.name}", missing=column.missing)


def _shares(study: Study, columns: tuple[object, ...]) -> list[tuple[str, Array]]:
    """Shares of each variable's states in each unit, from columns of counts."""
    table, found, at = study.units[-1].name, [], 0
    for variable, names in study.counts:
        each = [numbers(columns[at + i], where=f"Column {name!r} of {table}") for i, name in enumerate(names)]
        counts = np.stack(each, axis=1)  # (units, states)
        if (counts < 0).any():
            raise DataError(
                f"Counts of {variable} in {table} are negative in row {int((counts < 0).any(1).argmax()) + 1}."
            )
        with np.errstate(invalid="ignore"):
            found.append((variable, counts / counts.sum(axis=1, keepdims=True)))
        at += len(names)
    return found


def _labels(columns: tuple[object, ...], rows: int, table: str) -> list[str]:
    if not columns:
        return [str(row + 1) for row in range(rows)]
    keys = [[state_of(value) for value in column.to_pylist()] for column in columns]  # type: ignore[attr-defined]
    labels = [" / ".join("?" if part is None else str(part) for part in key) for key in zip(*keys, strict=True)]
    seen: set[str] = set()
    for label in labels:
        if label in seen:
            raise DataError(f"{table} has two rows of unit {label!r}. Each unit has one row.")
        seen.add(label)
    return labels
