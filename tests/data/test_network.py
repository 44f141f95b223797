"""A network study at the door: edges in every form, and one clear error for what is no network."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sparse

from umbel.data.network import read_people
from umbel.data.study import Study
from umbel.errors import DataError

PERSONS = {"id": ["ann", "bo", "cy", "Ann"], "A": [0, 1, 0, 1], "Y": [1, 1, 0, 0]}
PAIRS = [("ann", "bo"), ("bo", "cy")]


def joined(
    edges: object, *, persons: dict[str, list[object]] = PERSONS, unit: str | None = "id"
) -> set[frozenset[int]]:
    """Pairs of rows that the network joins."""
    network = read_people(Study(persons, unit=unit, edges=edges), ["A", "Y"]).network
    links = network.links.tocoo()
    return {
        frozenset((int(network.order[a]), int(network.order[b]))) for a, b in zip(links.row, links.col, strict=True)
    }


def test_every_form_of_edges_is_the_same_network() -> None:
    truth = {frozenset((0, 1)), frozenset((1, 2))}
    graph = nx.Graph(PAIRS)
    matrix = np.zeros((4, 4))
    matrix[0, 1] = matrix[1, 0] = matrix[1, 2] = matrix[2, 1] = 1
    both = [*PAIRS, *((b, a) for a, b in PAIRS)]
    assert joined({"from": ["ann", "bo"], "to": ["bo", "cy"]}) == truth
    assert joined({"x": [a for a, _ in both], "y": [b for _, b in both]}) == truth
    assert joined(graph) == truth
    assert joined({"from": [0, 1], "to": [1, 2]}, unit=None) == truth
    assert joined(sparse.csr_array(matrix), unit=None) == truth


def test_keys_are_matched_exactly_whatever_their_type() -> None:
    numbered = {**PERSONS, "id": [10, 20, 30, 40]}
    assert joined({"a": ["10"], "b": ["40"]}, persons=numbered) == {frozenset((0, 3))}
    assert joined({"a": ["Ann"], "b": ["bo"]}) == {frozenset((3, 1))}


def test_weights_are_read_and_isolated_persons_are_a_check() -> None:
    people = read_people(Study(PERSONS, unit="id", edges={"a": ["ann"], "b": ["bo"], "weight": [2.5]}), ["Y"])
    assert people.network.links.data.tolist() == [2.5, 2.5]
    (check,) = [one for one in people.checks if one.name == "isolated persons"]
    assert check.value == 0.5 and "2 of 4" in check.advice
    both = {"a": ["ann", "bo"], "b": ["bo", "ann"], "weight": [2.5, 2.5]}
    assert read_people(Study(PERSONS, unit="id", edges=both), ["Y"]).network.links.data.tolist() == [2.5, 2.5]


@pytest.mark.parametrize(
    ("edges", "why"),
    [
        ({"a": ["ann"], "b": ["ann"]}, "joins 'ann' with itself"),
        ({"a": ["ann", "ann"], "b": ["bo", "bo"]}, "are joined 2 times"),
        ({"a": ["ann", "bo", "bo"], "b": ["bo", "ann", "cy"]}, "are joined 2 times"),
        ({"a": ["ann"], "b": ["dee"]}, "edge 1: 'dee' in column 'b' is no key of the persons"),
        ({"a": ["ann", None], "b": ["bo", "cy"]}, "edge 2"),
        ({"a": ["ann"], "b": ["bo"], "weight": [1e300]}, "edge 1: the weight 1e\\+300"),
        ({"a": ["ann"], "b": ["bo"], "weight": [None]}, "edge 1: the weight nan"),
        ({"a": ["ann", "bo"], "b": ["bo", "ann"], "weight": [1.0, 2.0]}, "two weights"),
        ({"a": ["ann"]}, "need two columns"),
        (nx.DiGraph(PAIRS), "directed"),
        (sparse.csr_array(np.triu(np.ones((4, 4)), 1)), "not symmetric"),
        (sparse.csr_array(np.eye(4)), "row 0 with itself"),
        (sparse.csr_array(np.ones((3, 3)) - np.eye(3)), "a matrix of 3 by 3, and the table has 4 rows"),
        (sparse.csr_array(np.ones((5, 5)) - np.eye(5)), "a matrix of 5 by 5, and the table has 4 rows"),
        ({"a": ["ann"], "b": ["bo"], "weight": [0.0]}, "edge 1 has the weight 0"),
        ({"a": ["ann"], "b": ["bo"], "Weight": [2.0]}, "stand in 'weight'"),
        ({"index": [0], "a": ["ann"], "b": ["bo"]}, "looks like numbers of rows"),
    ],
)
def test_what_is_no_network_is_one_clear_error(edges: object, why: str) -> None:
    with pytest.raises(DataError, match=why):
        joined(edges)


@pytest.mark.parametrize(
    ("persons", "why"),
    [
        ({**PERSONS, "id": ["ann", "bo", "cy", "ann"]}, "'ann' stands 2 times in column 'id'"),
        ({**PERSONS, "id": ["ann", "bo", "cy", None]}, "empty somewhere"),
        ({**PERSONS, "Y": [1, 1, None, 0]}, "1 of 4 persons lack a value of A, Y"),
    ],
)
def test_persons_are_whole_and_stand_once(persons: dict[str, list[object]], why: str) -> None:
    with pytest.raises(DataError, match=why):
        joined({"a": ["ann"], "b": ["bo"]}, persons=persons)


def test_rows_are_numbered_from_0_where_there_is_no_key() -> None:
    with pytest.raises(DataError, match="edge 1: '4' in column 'b' is no row from 0 to 3"):
        joined({"a": [0], "b": [4]}, unit=None)


def test_a_matrix_names_rows_whatever_the_key() -> None:
    """Keys 3, 2, 1, 0 beside rows 0 to 3: a matrix speaks of rows, a table of keys."""
    persons = {**PERSONS, "id": [3, 2, 1, 0]}
    matrix = np.zeros((4, 4))
    matrix[0, 1] = matrix[1, 0] = 1
    assert joined(sparse.csr_array(matrix), persons=persons) == {frozenset((0, 1))}
    assert joined({"a": [0], "b": [1]}, persons=persons) == {frozenset((3, 2))}


def test_a_zero_that_a_matrix_stores_joins_nobody() -> None:
    stored = sparse.coo_array(([1.0, 1.0, 0.0, 0.0], ([0, 1, 2, 3], [1, 0, 3, 2])), shape=(4, 4))
    people = read_people(Study(PERSONS, edges=stored), ["Y"])
    assert people.network.degrees.sum() == 2
    assert not people.network.weighted


def test_categories_are_the_values_they_stand_for() -> None:
    pandas = pytest.importorskip("pandas")
    persons = pandas.DataFrame({**PERSONS, "id": pandas.Categorical(PERSONS["id"])})
    edges = pandas.DataFrame({"a": pandas.Categorical(["ann"]), "b": pandas.Categorical(["bo"])})
    assert joined(edges, persons=persons) == {frozenset((0, 1))}


def test_true_and_false_are_no_rows() -> None:
    with pytest.raises(DataError, match="holds no numbers of rows"):
        joined({"a": [True], "b": [False]}, unit=None)
