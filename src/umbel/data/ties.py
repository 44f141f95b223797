"""A look at the edges of a study before anything is estimated: what is wrong with them, and what they are."""

from __future__ import annotations

from umbel.data.edges import WEIGHT, ends_of
from umbel.data.friends import read_friends
from umbel.data.network import Edges, numbered_from_one, read_edges
from umbel.data.study import Study
from umbel.results.check import Check


def edge_checks(study: Study, *, inside_units: bool = False) -> tuple[Check, ...]:
    """Read the edges as an estimator would, and tell what they are; O(persons + edges).

    Parameters
    ----------
    study
        With ``edges``.
    inside_units
        Whether persons are members of units, each with a network of its own.

    Raises
    ------
    DataError
        For edges that no estimator could read: see :func:`umbel.data.network.read_people` and
        :func:`umbel.data.friends.with_exposures`.

    Examples
    --------
    >>> study = Study({"id": ["ann", "bo", "cy"], "Y": [0, 1, 1]}, unit="id", edges={"a": ["ann"], "b": ["bo"]})
    >>> edge_checks(study)[0].advice
    'edges joins 3 persons by 1 edge (a, b): 0 to 1 for each, 0.67 on average; 1 person has none'
    """
    assert study.edges is not None
    if inside_units:
        units, keys, edges = read_friends(study)
        del units
        whom, where = "member", f" of {len(keys):,} units"
    else:
        edges = read_edges(study)
        whom, where = "person", ""
    columns = "" if study.matrix is not None else f" ({', '.join(ends_of(study.edges))})"
    advice = (
        f"{study.edges.name} joins {_counted(edges.size, whom)}{where} by {_counted(len(edges.first), 'edge')}"
        f"{columns}: {_degrees(edges, whom)}{_weights(edges)}"
    )
    unread = [name for name in study.edges.columns if name != WEIGHT and name not in ends_of(study.edges)]
    advice += f"; not read: {', '.join(unread)}" if unread else ""
    return (Check("edges", len(edges.first) > 0, None, advice), *numbered_from_one(edges))


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _degrees(edges: Edges, whom: str) -> str:
    degrees = edges.degrees
    alone = int((degrees == 0).sum())
    words = f"{degrees.min():,} to {degrees.max():,} for each, {degrees.mean():.2f} on average"
    return words + (f"; {_counted(alone, whom)} {'has' if alone == 1 else 'have'} none" if alone else "")


def _weights(edges: Edges) -> str:
    if edges.weights is None:
        return ""
    return f"; weights from {edges.weights.min():g} to {edges.weights.max():g}"
