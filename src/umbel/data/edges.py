"""Edges between persons in whatever form a user has them: a table, a networkx graph, a scipy matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from umbel.data.source import Table, open_table
from umbel.errors import DataError, shown

WEIGHT = "weight"
"""Name of the column of an edge table that holds the weights of edges."""
ROW_NUMBERS = ("", "unnamed: 0", "column0", "column00", "index", "level_0", "rownames", "row.names", "...1", "x.1")
"""What programs call a column of row numbers that they write unasked."""


def edge_table(edges: Any) -> Any:
    """What a user handed in as edges, as a table: networkx graphs and scipy matrices are spelled out.

    Raises
    ------
    DataError
        For directed graphs and matrices that are not symmetric.
    """
    if type(edges).__module__.partition(".")[0] == "networkx":
        if edges.is_directed():
            raise DataError("edges are a directed networkx graph; an edge joins both ways: give edges.to_undirected().")
        ends = list(edges.edges(data="weight"))
        table: dict[str, list[Any]] = {"from": [a for a, _, _ in ends], "to": [b for _, b, _ in ends]}
        if any(weight is not None for _, _, weight in ends):
            table[WEIGHT] = [1.0 if weight is None else weight for _, _, weight in ends]
        return table
    if hasattr(edges, "tocoo"):
        links = edges.tocoo()
        if links.shape[0] != links.shape[1] or abs(edges - edges.T).sum() != 0:
            raise DataError("edges are a matrix that is not symmetric; an edge joins both ways: give A + A.T.")
        there = links.data != 0  # a zero that is stored joins nobody
        once = (links.row < links.col) & there
        loops = links.row[(links.row == links.col) & there]
        if len(loops):
            row = int(loops[0])
            raise DataError(f"edges join row {row} with itself. Clear the diagonal.")
        found = {"from": links.row[once], "to": links.col[once]}
        return found if (links.data[once] == 1).all() else {**found, WEIGHT: links.data[once].astype(np.float64)}
    return edges


def open_edges(edges: Any, *, database: str | None = None) -> Table:
    """The edges of a study, brought to the one form of tables.

    Raises
    ------
    DataError
        For a table without two columns of ends, and columns that look like what they are not.
    """
    table = open_table(edge_table(edges), role="edges", database=database)
    if len(ends_of(table)) < 2:
        raise DataError(f"{table.name} holds edges, which need two columns: who is joined with whom.")
    for name in table.columns:
        if name != WEIGHT and name.strip().casefold() == WEIGHT:
            raise DataError(f"{table.name} has a column {shown(name)}; the weights of edges stand in {WEIGHT!r}.")
    if ends_of(table)[0].strip().casefold() in ROW_NUMBERS and len(table.columns) > 2:
        raise DataError(
            f"The first column of {table.name} is {shown(ends_of(table)[0])}, which looks like numbers of rows. The "
            "first two columns say who is joined with whom: leave that one out."
        )
    return table


def ends_of(table: Table) -> tuple[str, ...]:
    """The columns that hold both ends of each edge: the first two, weights apart."""
    return tuple(name for name in table.columns if name != WEIGHT)[:2]


def rows_of_matrix(edges: Any) -> int | None:
    """Number of rows of edges that are a matrix, whose ends are rows whatever the persons' key; else None."""
    return int(edges.shape[0]) if hasattr(edges, "tocoo") else None
