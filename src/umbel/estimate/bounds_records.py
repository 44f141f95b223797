"""Studies as records of states: what a bounding programme reads of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from umbel.data.fetching import fetch_columns
from umbel.data.statistics import declared
from umbel.data.study import Study
from umbel.data.values import Codes, categories, is_law, numbers, order_key
from umbel.errors import DataError, shown
from umbel.estimate.bounds_arrays import Array, Records
from umbel.estimate.bounds_design import effective_clusters, effective_rows
from umbel.variable import Domain, State

MOST_STATES = 24
MOST_PLAIN = 12
"""States that a column of whole numbers or words may have to be read as discrete unasked."""


def states_in(studies: Sequence[Study], names: Sequence[str], known: Mapping[str, Domain]) -> dict[str, Domain]:
    """States of variables, declared or in any study's rows.

    Raises
    ------
    DataError
        For a variable with more values than a discrete one has, and studies over different states.
    """
    found: dict[str, Domain] = {}
    for name in names:
        given = known.get(name) or _declared(studies, name)
        if given is not None:
            found[name] = given
            continue
        seen = _seen(studies, name)
        states = set().union(*seen.values())
        _agree(seen, name)
        if len(states) > MOST_STATES:
            raise DataError(
                f"{shown(name)} has {len(states)} different values. Bounds need states: put it into classes first, "
                f"at most {MOST_STATES}, or declare `states {name} = ...`."
            )
        if states:
            found[name] = Domain(tuple(sorted(states, key=order_key)))
    return found


def plainly_discrete(domain: Domain) -> bool:
    """Whether values are few and whole, so that they are states unless somebody says otherwise.

    Examples
    --------
    >>> plainly_discrete(Domain((0, 1))), plainly_discrete(Domain((0.5, 1.7)))
    (True, False)
    """
    whole = all(isinstance(state, str | bool) or float(state).is_integer() for state in domain.states)
    return whole and len(domain) <= MOST_PLAIN


def _declared(studies: Sequence[Study], name: str) -> Domain | None:
    """The states that studies declare; two that differ are an error."""
    found = [own for study in studies if (own := study.column(name).states) is not None]
    for other in found[1:]:
        if other != found[0]:
            one, two = (", ".join(map(str, domain.states)) for domain in (found[0], other))
            raise DataError(
                f"{shown(name)} has the states {one} in one study and {two} in another. Give both the same."
            )
    return found[0] if found else None


def _seen(studies: Sequence[Study], name: str) -> dict[str, set[State]]:
    """Values of a variable, by study."""
    found: dict[str, set[State]] = {}
    for at, study in enumerate(studies):
        if study.data is not None and study.holds(name):
            found[f"study {at + 1}"] = set(_codes(study, name)[1])
    return found


def _agree(seen: Mapping[str, set[State]], name: str) -> None:
    """Studies may miss a state; two of which each has one that the other lacks speak of different states."""
    for (one, first), (two, second) in itertools.combinations(seen.items(), 2):
        if first - second and second - first:
            here, there = (", ".join(map(str, sorted(states, key=order_key))) for states in (first, second))
            raise DataError(
                f"{shown(name)} has the values {here} in {one} and {there} in {two}. Bounds need the same states in "
                f"all studies: rename them, or declare all of them as `states {name} = ...`."
            )


def records_of(study: Study, names: Sequence[str], domains: Mapping[str, Domain], *, name: str) -> Records:
    """A study's rows as distinct records of the named variables; -1 where a value is missing.

    Parameters
    ----------
    study
        Flat rows, or counts of them.
    names
        The programme's variables.
    domains
        Their states.
    name
        What messages call the study.

    Raises
    ------
    DataError
        For negative counts, states that are not declared, and variables set that it does not show.
    """
    if study.data is None:
        raise DataError(f"{name} holds summaries; bounds need rows or counts of rows.")
    for one in study.do:
        if not study.holds(one) and one in names:
            raise DataError(f"{name} set {shown(one)} and has no column of it: to which value was each row set?")
    counts = _counts(study, name)
    codes = np.full((len(counts), len(names)), -1, dtype=np.int64)
    for at, one in enumerate(names):
        if study.holds(one):
            raw, states = _codes(study, one)
            codes[:, at] = declared(raw, states, domains.get(one), f"{name}: {one}")[0]
    selected = _selected(study, names, domains, codes, name)
    for one in study.do:
        if one in names and (codes[:, names.index(one)] < 0).any():
            raise DataError(f"{name} set {shown(one)}, and some rows miss its value.")
    distinct, owner = np.unique(codes, axis=0, return_inverse=True)
    cells = owner.reshape(-1)
    totals = np.bincount(cells, counts, minlength=len(distinct)).astype(np.float64)
    do = tuple(names.index(one) for one in study.do if one in names)
    grouped = study.cluster or (study.unit[0] if study.unit else None)
    population = study.count is not None and is_law(counts)
    if population or (study.weight is None and grouped is None):
        kept = totals > 0
        return Records(distinct[kept], totals[kept], do, name, population, selected)
    weights = np.ones(len(counts)) if study.weight is None else _amounts(study, study.weight, name, "weights")
    used = np.flatnonzero(counts * weights > 0.0)
    if not len(used):
        raise DataError(f"{name} has no rows: its counts or weights are all 0.")
    seen, cells = np.unique(cells[used], return_inverse=True)
    cells, counts, weights = cells.reshape(-1), counts[used], weights[used] / weights.max()
    sums = np.bincount(cells, counts * weights).astype(np.float64)
    worth = effective_rows(sums, np.bincount(cells, counts * weights**2).astype(np.float64))
    clusters = None
    if grouped is not None:
        groups = _groups(study, grouped, name)[used]
        groups = np.unique(groups, return_inverse=True)[1].reshape(-1)
        clusters = int(groups.max()) + 1
        if clusters < 2:
            raise DataError(f"{name} has one cluster of {shown(grouped)}: nothing tells how far an end is off.")
        worth = min(worth, effective_clusters(cells, counts * weights, groups))
    return Records(distinct[seen], worth * sums / sums.sum(), do, name, False, selected, float(counts.sum()), clusters)


def _groups(study: Study, column: str, name: str) -> Codes:
    """Which cluster each row belongs to."""
    assert study.data is not None
    (values,) = fetch_columns(study.data, [column], reason="cluster")
    codes, _ = categories(values)
    if (codes < 0).any():
        raise DataError(f"{name} has no {shown(column)} in row {int((codes < 0).argmax()) + 1}: whose cluster is it?")
    return codes


def _codes(study: Study, name: str) -> tuple[Codes, tuple[State, ...]]:
    assert study.data is not None
    column = study.column(name)
    (values,) = fetch_columns(study.data, [column.column], reason=name)
    return categories(values, missing=column.missing)


def _counts(study: Study, name: str) -> Array:
    """How many rows each row stands for, whatever they weigh."""
    assert study.data is not None
    some = study.data.columns[0]
    (values,) = fetch_columns(study.data, [some], reason="rows")
    if study.count is None:
        return np.ones(len(values))
    return _amounts(study, study.count, name, "counts")


def _amounts(study: Study, which: str, name: str, what: str) -> Array:
    """A column of counts or weights, checked."""
    assert study.data is not None
    (values,) = fetch_columns(study.data, [which], reason=what)
    found = numbers(values, where=f"{name}: {which}")
    if np.isnan(found).any() or (found < 0).any():
        at = int((~(found >= 0)).argmax())
        raise DataError(
            f"{name} {what} {found[at]:g} in row {at + 1} of {shown(which)}. {what.capitalize()} are 0 or more."
        )
    if not found.sum():
        raise DataError(f"{name} has no rows: its {what} are all 0.")
    return found


def _selected(
    study: Study, names: Sequence[str], domains: Mapping[str, Domain], codes: Codes, name: str
) -> tuple[int, int] | None:
    """By which value of which variable rows were kept; None where the others are in the table too."""
    own = [one for one in study.selected if one in names]
    if not own:
        return None
    if len(own) > 1:
        raise DataError(f"{name} was selected by {', '.join(own)}. Bounds take one selection variable.")
    at = names.index(own[0])
    values = np.unique(codes[codes[:, at] >= 0, at])
    if len(values) > 1:
        return None
    kept = int(values[0]) if len(values) else len(domains[own[0]]) - 1
    codes[:, at] = kept
    return at, kept
