"""Edges between persons in whatever form a user has them: a table, a networkx graph, a scipy matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from umbel.data.source import Table, open_table
from umbel.errors import DataError

WEIGHT = "weight"
"""Name of the column of an edge table that holds the weights of edges."""


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
        once = links.row < links.col
        if (links.row == links.col).any():
            row = int(links.row[links.row == links.col][0])
            raise DataError(f"edges join row {row} with itself. Clear the diagonal.")
        found = {"from": links.row[once], "to": links.col[once]}
        return found if (links.data == 1).all() else {**found, WEIGHT: links.data[once].astype(np.float64)}
    return edges


def open_edges(edges: Any, *, database: str | None = None) -> Table:
    """The edges of a study, brought to the one form of tables."""
    table = open_table(edge_table(edges), role="edges", database=database)
    if len(table.columns) < 2:
        raise DataError(f"{table.name} holds edges, which need two columns: who is joined with whom.")
    return table
