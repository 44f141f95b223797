"""One network of persons from two tables: persons with their variables, and edges between them.

Ends of edges are matched exactly with the key column that the study names (``unit``); without one
they are numbers of rows, counted from 0. An edge joins both ways, so each pair stands once, or every
pair stands both ways.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from umbel.data.edges import WEIGHT, ends_of
from umbel.data.fetching import fetch_columns
from umbel.data.rows import Rows, read_rows
from umbel.data.source import Table
from umbel.data.study import Study
from umbel.data.values import Array, Codes, numbers
from umbel.errors import DataError, shown
from umbel.numerics.network import Network, build_network
from umbel.results.check import Check
from umbel.results.value import DataSource
from umbel.variable import Domain


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """The persons of one network.

    Parameters
    ----------
    rows
        Their variables, in the order of the table.
    network
        Who is joined with whom.
    checks
        Doubts about rows and edges.
    sources
        The tables that were read.
    """

    rows: Rows
    network: Network
    checks: tuple[Check, ...]
    sources: tuple[DataSource, ...]


def read_people(study: Study, names: Sequence[str], *, domains: Mapping[str, Domain] | None = None) -> People:
    """Read a network study into memory; O(persons * names + edges).

    Parameters
    ----------
    study
        With ``edges``.
    names
        Variables of the persons.
    domains
        Declared states.

    Raises
    ------
    DataError
        For a person without a value, a key that stands twice, and edges that name nobody, join a
        person with herself, stand twice, or have a weight that is no finite number.

    Examples
    --------
    >>> study = Study({"id": ["ann", "bo"], "Y": [0, 1]}, unit="id", edges={"from": ["ann"], "to": ["bo"]})
    >>> read_people(study, ["Y"]).network.degrees.tolist()
    [1, 1]
    """
    edges = read_edges(study)
    assert study.data is not None and study.edges is not None
    rows = read_rows(study, names, domains=domains)
    if rows.size < edges.size:
        raise DataError(
            f"{study.data.name}: {edges.size - rows.size:,} of {edges.size:,} persons lack a value of "
            f"{', '.join(names)}. "
            "Neighbours of a person left out would lose her: fill the values in, or remove the persons and their edges."
        )
    network = build_network(edges.size, edges.first, edges.second, weights=edges.weights)
    source = DataSource(study.edges.name, len(edges.first))
    return People(rows, network, (*rows.checks, *_doubts(network), *numbered_from_one(edges)), (rows.source, source))


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Who is joined with whom, as numbers of rows, each pair once.

    Parameters
    ----------
    size
        Number of persons.
    first, second
        Shape (edges,): both ends.
    weights
        Shape (edges,); None: all weigh one.
    by_row
        Whether a table names the ends by numbers of rows.
    """

    size: int
    first: Codes
    second: Codes
    weights: Array | None
    by_row: bool = False

    @property
    def degrees(self) -> Codes:
        """Shape (persons,): how many edges each has."""
        return np.bincount(np.concatenate([self.first, self.second]), minlength=self.size)


def read_edges(study: Study) -> Edges:
    """The edges of one network, checked against its persons; O(persons + edges).

    Raises
    ------
    DataError
        As :func:`read_people` does for keys and edges.
    """
    if study.data is None or study.edges is None:
        raise DataError("A network needs a table of persons and a table of edges: edges = 'friends.csv'.")
    if len(study.unit) > 1:
        raise DataError(f"A network's persons have one key, not {len(study.unit)}: unit = {shown(study.unit[0])}.")
    keys = keys_of(study.data, study.unit[0]) if study.unit else None
    size = len(fetch_columns(study.data, study.data.columns[:1], reason="data")[0])
    first, second, weights = edges_between(study.edges, keys, size, matrix=study.matrix)
    return Edges(size, first, second, weights, keys is None and study.matrix is None)


def numbered_from_one(edges: Edges) -> tuple[Check, ...]:
    """A doubt about ends that are numbers of rows and never name the first row, number 0."""
    if not edges.by_row or not len(edges.first) or min(edges.first.min(), edges.second.min()) != 1:
        return ()
    advice = (
        "Edges name rows by number, from 0, and none names row 0. If they count from 1 or hold keys, name the key "
        "column of the persons: unit = 'id'."
    )
    return (Check("edges name rows", False, None, advice),)


def keys_of(data: Table, column: str) -> Any:
    """The key column of persons, an Arrow column (hence ``Any``).

    Raises
    ------
    DataError
        For a key that is missing or stands twice.
    """
    (keys,) = fetch_columns(data, [column], reason="unit")
    if keys.null_count:
        raise DataError(f"Column {shown(column)} of {data.name} is the key of persons and is empty somewhere.")
    counts = pc.value_counts(keys)
    several = pc.filter(counts, pc.greater(pc.struct_field(counts, "counts"), 1))
    if len(several):
        twice = several[0].as_py()
        raise DataError(
            f"{shown(str(twice['values']))} stands {twice['counts']} times in column {shown(column)} of {data.name}. "
            "A network has one row for each person."
        )
    return keys


def edges_between(
    table: Table, keys: Any, size: int, *, matrix: int | None = None
) -> tuple[Codes, Codes, Array | None]:
    """Both ends of each edge as numbers of rows, each pair once, and the weights.

    Parameters
    ----------
    table
        Of edges.
    keys
        The Arrow column that their ends name; None: they are numbers of rows.
    size
        Number of persons.
    matrix
        Rows of the matrix that edges were given as, whose ends are rows whatever the key.

    Raises
    ------
    DataError
        For edges that name nobody, join a person with herself, stand twice, or weigh nothing or no
        finite number, and for a matrix of another size than the table.
    """
    if matrix is not None and matrix != size:
        raise DataError(
            f"edges are a matrix of {matrix:,} by {matrix:,}, and the table has {size:,} rows. Give one row and one "
            "column for each row of the table, in their order."
        )
    keys = None if matrix is not None else keys
    ends = ends_of(table)
    arrows = fetch_columns(table, ends, reason="edges")
    first, second = (_places(table, name, arrow, keys, size) for name, arrow in zip(ends, arrows, strict=True))
    weights = None
    if WEIGHT in table.columns:
        (arrow,) = fetch_columns(table, [WEIGHT], reason="edges")
        weights = numbers(arrow, where=f"Column {shown(WEIGHT)} of {table.name}")
        bad = np.flatnonzero(~(np.abs(weights) <= np.finfo(np.float32).max))
        if len(bad):
            raise DataError(
                f"{table.name}, edge {int(bad[0]) + 1}: the weight {weights[bad[0]]:g} is no number that sums of "
                "neighbours can hold. Scale the weights down."
            )
        none = np.flatnonzero(weights == 0.0)
        if len(none):
            raise DataError(
                f"{table.name}, edge {int(none[0]) + 1} has the weight 0 ({len(none):,} of {len(weights):,} edges). An "
                "edge that weighs nothing joins nobody: remove the row."
            )
    loops = np.flatnonzero(first == second)
    if len(loops):
        raise DataError(
            f"{table.name}, edge {int(loops[0]) + 1} joins {_who(arrows[0], loops[0])} with itself. "
            "Nobody is a neighbour of herself: remove the row."
        )
    return _once(table, arrows, first, second, weights, size)


def _places(table: Table, name: str, arrow: Any, keys: Any, size: int) -> Codes:
    """The rows that one end of the edges names."""
    if keys is None:
        try:
            if pa.types.is_boolean(arrow.type):
                raise DataError("true and false number no rows")
            places = numbers(arrow, where="")
        except DataError:
            raise DataError(
                f"Column {shown(name)} of {table.name} holds no numbers of rows. Name the persons' key column, which "
                "the ends of edges hold: unit = 'id'."
            ) from None
        known = (places >= 0) & (places < size) & (places == np.floor(places))
        places = np.where(known, places, -1)
    else:
        known_keys, found = _alike(keys, arrow)
        places = pc.fill_null(pc.index_in(found, value_set=known_keys), -1).to_numpy(zero_copy_only=False)
    unknown = np.flatnonzero(places < 0)
    if len(unknown):
        whom = "no key of the persons" if keys is not None else f"no row from 0 to {size - 1}"
        raise DataError(
            f"{table.name}, edge {int(unknown[0]) + 1}: {_who(arrow, unknown[0])} in column {shown(name)} is {whom} "
            f"({len(unknown):,} of {len(places):,} edges). Add the person, or remove the edge."
        )
    return np.asarray(places, dtype=np.int64)


def _alike(keys: Any, arrow: Any) -> tuple[Any, Any]:
    """Two columns of one type: numbers as numbers, everything else as text."""
    flat = [_spelled_out(one.combine_chunks() if isinstance(one, pa.ChunkedArray) else one) for one in (keys, arrow)]
    if flat[0].type == flat[1].type:
        return flat[0], flat[1]
    whole = [pa.types.is_integer(one.type) for one in flat]
    common = pa.int64() if all(whole) else pa.string()
    return flat[0].cast(common), flat[1].cast(common)


def _spelled_out(column: Any) -> Any:
    """Categories as the values they stand for."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _once(
    table: Table, arrows: Sequence[Any], first: Codes, second: Codes, weights: Array | None, size: int
) -> tuple[Codes, Codes, Array | None]:
    """Each pair once; a table that holds every pair both ways is read as what it says."""
    pair = np.minimum(first, second) * size + np.maximum(first, second)
    unique, place, counts = np.unique(pair, return_index=True, return_counts=True)
    if len(unique) == len(pair):
        return first, second, weights
    both = np.bincount(np.searchsorted(unique, pair), weights=np.sign(second - first), minlength=len(unique))
    if (counts == 2).all() and not both.any():
        if weights is not None:
            low, high = np.full(len(unique), np.inf), np.full(len(unique), -np.inf)
            np.minimum.at(low, np.searchsorted(unique, pair), weights)
            np.maximum.at(high, np.searchsorted(unique, pair), weights)
            if (low != high).any():
                raise DataError(f"{table.name} gives some pairs two weights. An edge has one.")
        return first[place], second[place], None if weights is None else weights[place]
    at = int(place[np.argmax(counts > 1)])
    raise DataError(
        f"{table.name}: {_who(arrows[0], at)} and {_who(arrows[1], at)} are joined "
        f"{int(counts[place == at][0])} times. Give each pair once, or every pair both ways."
    )


def _who(arrow: Any, at: Any) -> str:
    return shown(str(arrow[int(at)].as_py()))


def _doubts(network: Network) -> tuple[Check, ...]:
    alone = int((network.degrees == 0).sum())
    if not alone:
        return ()
    advice = f"{alone:,} of {network.size:,} persons have no edge; their sums over neighbours are 0."
    return (Check("isolated persons", alone < network.size, alone / network.size, advice),)
