"""Friendships inside units: what each member reads of its friends becomes a column of its own.

The key columns are those of the units, outermost first, then the members' own, which the ends of
edges name; without it ends are numbers of rows, counted from 0. Friends are members of one unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from umbel.data.fetching import fetch_columns
from umbel.data.network import Edges, edges_between, keys_of, numbered_from_one
from umbel.data.source import Table
from umbel.data.study import Study
from umbel.data.values import Array, Codes, categories, numbers
from umbel.errors import DataError, shown
from umbel.numerics.exposure import pushed
from umbel.results.check import Check
from umbel.results.value import DataSource
from umbel.variable import Domain, State

MOST_VALUES = 64
"""Values that an exposure may take: each is a cell of every unit's law."""
CLOSE = 1e-6
"""Two exposures that are closer are one; values are told apart to nine digits."""


@dataclass(frozen=True, slots=True)
class Reads:
    """``name`` is the ``kind`` ("sum", "mean") of variable ``of`` over a member's friends."""

    name: str
    of: str
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Friendships:
    """A study of members whose friends have become columns.

    Parameters
    ----------
    study
        The same rows with a column for each exposure, and no edges.
    states
        Every value that each exposure can take among these friendships, ascending.
    treatments
        Numbers of the states of what is read, ascending.
    keys
        The units.
    degrees
        Numbers of friends that occur.
    mixture
        Shape (units, degrees): shares of each unit's members with so many friends.
    checks, source
        Doubts about edges; their table.
    """

    study: Study
    states: Mapping[str, tuple[float, ...]]
    treatments: Mapping[str, tuple[float, ...]]
    keys: tuple[State, ...]
    degrees: tuple[int, ...]
    mixture: Array
    checks: tuple[Check, ...]
    source: DataSource

    def pushed(self, reads: Reads, law: Sequence[float], units: Sequence[State]) -> Array:
        """A law of treatments pushed through each unit's friendships, shape (units, states of the exposure).

        Exact: every member draws by itself, so that given its number of friends the sum over them
        is a convolution, for a binary treatment the binomial.

        Parameters
        ----------
        reads
            The exposure.
        law
            Chances of the treatment's states, in their order.
        units
            Keys, in the order wanted.
        """
        values, states = np.array(self.treatments[reads.of]), np.array(self.states[reads.name])
        table = np.zeros((len(self.degrees), len(states)))
        for row, degree in zip(table, self.degrees, strict=True):
            found, chances = pushed(np.array(law), values, [degree], mean=reads.kind == "mean")
            np.add.at(row, np.abs(states[None, :] - found[:, None]).argmin(axis=1), chances)
        place = {key: at for at, key in enumerate(self.keys)}
        return np.asarray((self.mixture @ table)[[place[key] for key in units]], dtype=np.float64)


def with_exposures(study: Study, reads: Sequence[Reads], *, domains: Mapping[str, Domain] | None = None) -> Friendships:
    """Compute what each member reads of its friends; O(rows * columns + edges).

    Parameters
    ----------
    study
        With ``edges``, and ``unit`` naming the key of units and then, where there is one, of members.
    reads
        What is read.
    domains
        Declared states, which may be more than those that occur.

    Raises
    ------
    DataError
        For friends of different units, a member whose treatment is missing, words as treatments,
        weighted edges, rows that are counts or weighted, and what no network allows.

    Examples
    --------
    >>> pupils = {"school": ["x", "x", "y"], "id": [1, 2, 3], "A": [0, 1, 1]}
    >>> study = Study(pupils, unit=("school", "id"), edges={"a": [1], "b": [2]})
    >>> found = with_exposures(study, [Reads("Peers", "A", "mean")])
    >>> fetch_columns(found.study.data, ["Peers"], reason="doctest")[0].to_pylist()
    [1.0, 0.0, 0.0]
    >>> found.pushed(Reads("Peers", "A", "mean"), [0.2, 0.8], ["x", "y"]).round(3).tolist()
    [[0.2, 0.8], [1.0, 0.0]]
    """
    data, edges = study.data, study.edges
    units, keys, found = read_friends(study)
    assert data is not None and edges is not None
    first, second, size = found.first, found.second, found.size
    if found.weights is not None and (found.weights != 1.0).any():
        raise DataError(f"{edges.name} holds weights of edges, which sums and means over friends do not read.")
    degree = found.degrees
    columns = dict(zip(data.columns, fetch_columns(data, data.columns, reason="data"), strict=True))
    states, treatments = {}, {}
    numbers_of, which = np.unique(degree, return_inverse=True)
    for one in reads:
        values = _treatment(study, data, one.of)
        treatments[one.of] = _numbered(one.of, values, (domains or {}).get(one.of))
        states[one.name] = _states(one, treatments[one.of], numbers_of)
        total = np.bincount(first, values[second], size) + np.bincount(second, values[first], size)
        read = total / np.maximum(degree, 1) if one.kind == "mean" else total
        possible = np.array(states[one.name])
        places = np.clip(np.searchsorted(possible, read - CLOSE), 0, len(possible) - 1)
        assert (np.abs(possible[places] - read) < CLOSE).all(), "states hold every sum of friends"
        if study.column(one.name).column in columns:
            raise DataError(
                f"{data.name} has a column {shown(one.name)}, and edges say what it is. Leave out one of them."
            )
        columns[study.column(one.name).column] = pa.array(possible[places])
    mixture = np.zeros((len(keys), len(numbers_of)))
    np.add.at(mixture, (units, which), 1.0)
    return Friendships(
        study.with_columns(columns, study.unit[:1]),
        states,
        treatments,
        keys,
        tuple(numbers_of.tolist()),
        mixture / mixture.sum(axis=1, keepdims=True),
        (*_doubts(degree), *numbered_from_one(found)),
        DataSource(edges.name, len(first)),
    )


def read_friends(study: Study) -> tuple[Codes, tuple[State, ...], Edges]:
    """The unit of each member, the units' keys, and who are friends; O(members + edges).

    Raises
    ------
    DataError
        As :func:`with_exposures` does for keys and edges.
    """
    data, edges = study.data, study.edges
    if data is None or edges is None:
        raise DataError("Friendships need a table of members and a table of edges: edges = 'friends.csv'.")
    if study.count is not None or study.weight is not None:
        column = study.count or study.weight or ""
        raise DataError(f"{shown(column)} weighs the rows, and friends are single members. Give one row for each.")
    if not study.unit:
        raise DataError("Friends inside units need the units' key column: unit = ['school', 'pupil'].")
    (outer,) = fetch_columns(data, study.unit[:1], reason="unit")
    units, keys = categories(outer)
    if (units < 0).any():
        raise DataError(f"{data.name} has no {study.unit[0]!r} in row {int((units < 0).argmax()) + 1}.")
    own = keys_of(data, study.unit[1]) if len(study.unit) > 1 else None
    first, second, weights = edges_between(edges, own, len(units), matrix=study.matrix)
    _within_units(edges, own, units, keys, first, second)
    return units, keys, Edges(len(units), first, second, weights, study.matrix is None and own is None)


def _within_units(
    edges: Table, own: pa.ChunkedArray | None, units: Codes, keys: tuple[State, ...], first: Codes, second: Codes
) -> None:
    across = np.flatnonzero(units[first] != units[second])
    if not len(across):
        return
    ends = [int(end[across[0]]) for end in (first, second)]
    names = [shown(str(end if own is None else own[end].as_py())) for end in ends]
    where = [shown(str(keys[units[end]])) for end in ends]
    raise DataError(
        f"{edges.name}: an edge joins {names[0]} of unit {where[0]} with {names[1]} of unit {where[1]} "
        f"({len(across):,} of {len(first):,} edges join two units). Friends are members of one unit: remove such "
        "edges, or draw the units as one network."
    )


def _treatment(study: Study, data: Table, name: str) -> Array:
    column = study.column(name)
    (arrow,) = fetch_columns(data, [column.column], reason=f"variable {name}")
    values = numbers(arrow, where=f"Column {shown(column.column)} of {data.name}", missing=column.missing)
    lacking = int(np.isnan(values).sum())
    if lacking:
        raise DataError(
            f"{data.name}: {lacking:,} of {len(values):,} members lack a value of {name}, which their friends read. "
            "Fill the values in, or remove the members and their edges."
        )
    return values


def _numbered(name: str, values: Array, domain: Domain | None) -> tuple[float, ...]:
    """The numbers that a treatment may be, ascending."""
    occurring = np.unique(values).tolist()
    if domain is None:
        return tuple(occurring)
    declared = [float(state) for state in domain.states if not isinstance(state, str)]
    if len(declared) < len(domain.states) or not set(occurring) <= set(declared):
        raise DataError(f"{name} is read of friends as a number; its states are {', '.join(map(str, domain.states))}.")
    return tuple(sorted(declared))


def _states(one: Reads, values: Sequence[float], degrees: Codes) -> tuple[float, ...]:
    if len(values) > MOST_VALUES:
        raise DataError(f"{one.of} has {len(values)} values; exposures are read of a few. Declare fewer states.")
    even = np.full(len(values), 1.0 / len(values))
    found: set[float] = set()
    for degree in degrees.tolist():
        found |= set(pushed(even, np.array(values), [degree], mean=one.kind == "mean")[0].tolist())
        if len(found) > MOST_VALUES:
            raise DataError(
                f"{one.name} takes more than {MOST_VALUES} values among these friendships, each a cell of every unit. "
                "Name fewer friends of each member (such as the closest three)."
            )
    return tuple(sorted(found))


def _doubts(degree: Codes) -> tuple[Check, ...]:
    alone = int((degree == 0).sum())
    if not alone:
        return ()
    advice = f"{alone:,} of {len(degree):,} members have no friend; what they read of friends is 0, by definition."
    return (Check("members without friends", alone < len(degree), alone / len(degree), advice),)
