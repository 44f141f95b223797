"""Several studies as one table: every law says which study it is of, and studies are drawn independently.

``Σ_X P_2(X) E_1[Y | X, A=1]`` of two studies is ``Σ_X P(X | study=2) E[Y | X, A=1, study=1]`` of their
rows one under the other, so that every estimator of one table answers for several. Studies become
strata: each keeps the number of rows that it was given, and the error adds up over them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import RowColumn, Rows, read_rows
from umbel.data.study import Study
from umbel.errors import DataError, shown
from umbel.estimate.estimator import Estimated, Target
from umbel.estimate.expansion import NotFlat, level_of, names_of, sources_of
from umbel.expr.build import rebuilt
from umbel.expr.nodes import AtState, Expr, Held, Probability, Raw, Symbol
from umbel.numerics.influence import Array
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import DataSource
from umbel.variable import Domain, State

STUDY = "study"
"""What the column is called that says which study a row is of."""

ROWS = "complete rows"

Change = Callable[[Probability], Probability]


@dataclass(frozen=True, slots=True)
class Stacked:
    """An estimand of several studies as one of a single table.

    Parameters
    ----------
    target, study
        What any estimator of one table reads.
    checks, sources
        Doubts about each study's rows, and its tables; none where one study alone is read.
    line
        What an answer says of the studies.
    """

    target: Target
    study: Study
    checks: tuple[Check, ...]
    sources: tuple[DataSource, ...]
    line: str

    def told(self, found: Estimated) -> Estimated:
        """Numbers of the single table as numbers of the studies."""
        line = (*found.assumptions, self.line)
        if not self.sources:
            return replace(found, assumptions=line)
        own = tuple(check for check in found.checks if check.name != ROWS)  # each study has told of its own rows
        return replace(found, assumptions=line, checks=(*self.checks, *own), data=self.sources)


def one_table(target: Target, studies: Sequence[Study]) -> Stacked | Refusal:
    """The studies that an estimand reads as one; a single one among them is left as it is. O(rows).

    Raises
    ------
    DataError
        When a table contradicts the problem.
    """
    try:
        read = sorted(sources_of(target.expr))
        level, names = level_of(target.expr), names_of(target.expr)
    except NotFlat:
        return Refusal("Estimates inside units from several studies are not built yet.", "Give one study.")
    if len(read) <= 1:
        only = read[0] if read else 0
        return Stacked(_retargeted(target, _to_first), studies[only], (), (), f"Study {only + 1} alone is read.")
    used = [studies[one] for one in read]
    if level or any(one.unit or one.data is None for one in used):
        return Refusal("Several studies are joined from plain rows so far.", "Give tables without a key of units.")
    wanted = names_of_laws(target.expr)
    found = [read_rows(study, sorted(wanted[at]), domains=target.domains) for at, study in zip(read, used, strict=True)]
    label = STUDY
    while label in names:
        label += "'"
    labels = {at: at + 1 for at in read}
    data: dict[str, Any] = {label: np.repeat([labels[at] for at in read], [rows.size for rows in found]).tolist()}
    domains = {**target.domains, label: Domain(tuple(labels.values()))}
    for name in names:
        columns = [rows.columns.get(name) for rows in found]
        states = _states(name, columns)
        if states is None:
            data[name] = _values(name, columns, found)
        else:
            domains.setdefault(name, Domain(states))
            parts = [_words(column, rows, states) for column, rows in zip(columns, found, strict=True)]
            data[name] = [state for part in parts for state in part]
    joined = _sampled(found, label, data)
    moved = _retargeted(target, lambda law: _held_at(law, label, labels))
    return Stacked(
        replace(moved, domains=domains),
        joined,
        tuple(
            replace(check, name=f"study {at + 1}: {check.name}")
            for at, rows in zip(read, found, strict=True)
            for check in rows.checks
        ),
        tuple(rows.source for rows in found),
        "Studies are samples drawn independently of each other, each of the size that it has.",
    )


def names_of_laws(expr: Expr) -> dict[int, set[str]]:
    """The variables that the laws of each study read.

    Examples
    --------
    >>> import umbel
    >>> verdict = umbel.identify("Z -> {A Y}; A -> Y", "E[Y | do(A=1)]")
    >>> sorted(names_of_laws(verdict.estimand.body)[0])
    ['A', 'Y', 'Z']
    """
    found: dict[int, set[str]] = {}

    def seen(law: Probability) -> Probability:
        found.setdefault(law.source, set()).update(names_of(law))
        return law

    _mapped(expr, seen)
    return found


def _states(name: str, columns: Sequence[RowColumn | None]) -> tuple[State, ...] | None:
    """States of a variable over the studies that measure it; None where it is a number in one of them."""
    found = [column for column in columns if column is not None]
    if any(not column.discrete for column in found):
        return None
    if all(column.states == found[0].states for column in found):
        return found[0].states
    if len({isinstance(state, str) for column in found for state in column.states}) > 1:
        raise _unlike(name)
    plain = {int(one) if isinstance(one, bool) else one for column in found for one in column.states}
    return tuple(sorted(plain, key=lambda one: (isinstance(one, str), one)))


def _words(column: RowColumn | None, rows: Rows, states: tuple[State, ...]) -> list[State]:
    """The state of each row; any state where the study does not measure it, since no law of it reads it."""
    if column is None:
        return [states[0]] * rows.size
    assert column.codes is not None
    named = {state: state for state in states}  # true is 1 where another study says 1
    own = [named[state] for state in column.states]
    return [own[code] for code in column.codes.tolist()]


def _values(name: str, columns: Sequence[RowColumn | None], found: Sequence[Rows]) -> Array:
    if any(column is not None and not column.numeric for column in columns):
        raise _unlike(name)
    parts = [
        np.zeros(rows.size) if column is None else column.values for column, rows in zip(columns, found, strict=True)
    ]
    return np.concatenate(parts)


def _unlike(name: str) -> DataError:
    return DataError(f"{shown(name)} holds words in one study and numbers in another. Make them alike.")


def _sampled(found: Sequence[Rows], label: str, data: dict[str, Any]) -> Study:
    """The study of all rows: each study is a stratum, weights have mean one in each."""
    samples = [rows.sample for rows in found]
    zeros = [np.zeros(rows.size, dtype=np.int64) for rows in found]
    own = [none if one.strata is None else one.strata for one, none in zip(samples, zeros, strict=True)]
    strata, counts, weights = (f"{label}, {what}" for what in ("strata", "counts", "weights"))
    cluster = " and ".join(dict.fromkeys(rows.clustered for rows in found if rows.clustered)) or None
    data[strata] = _apart(own)
    data[counts] = np.concatenate([one.counts for one in samples])
    data[weights] = np.concatenate([one.weights * one.counts.sum() / (one.counts @ one.weights) for one in samples])
    if cluster is not None:
        data[cluster] = _apart(
            [np.arange(len(one.counts)) if one.clusters is None else one.clusters for one in samples]
        )
    return Study(data, strata=strata, count=counts, weight=weights, cluster=cluster)


def _apart(codes: Sequence[NDArray[np.int64]]) -> list[str]:
    return [f"{at}: {code}" for at, one in enumerate(codes) for code in one.tolist()]


def _mapped(expr: Expr, change: Change) -> Expr:
    """The estimand with every law changed."""
    return change(expr) if isinstance(expr, Probability) else rebuilt(expr, lambda child: _mapped(child, change))


def _retargeted(target: Target, change: Change) -> Target:
    needs = tuple(
        replace(need, leaf=change(need.leaf)) if isinstance(need.leaf, Probability) else need
        for need in target.requirements
    )
    return replace(target, expr=_mapped(target.expr, change), requirements=needs)


def _to_first(law: Probability) -> Probability:
    return replace(law, source=0)


def _held_at(law: Probability, label: str, labels: dict[int, int]) -> Probability:
    study = Held(Symbol(Raw(label)), AtState(labels[law.source]))
    return replace(law, given=(*law.given, study), source=0)
