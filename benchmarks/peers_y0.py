"""What y0 answers: run inside an environment of its own by ``benchmarks.peers``, JSON in and JSON out."""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

import numpy as np
from y0.algorithm.identify import identify_outcomes
from y0.dsl import Fraction, One, Probability, Product, Sum, Variable, Zero
from y0.graph import NxMixedGraph

QUICK = 0.2
"""Seconds below which a query is asked again, for a median."""


def value(expression: Any, joint: np.ndarray, place: dict[str, int]) -> np.ndarray:
    """An expression on a joint law with one axis for each variable; axes it does not read have one state."""

    def at(variables: Any) -> tuple[int, ...]:
        return tuple(sorted(place[variable.name] for variable in variables))

    if isinstance(expression, Probability):
        of, given = at(expression.children), at(expression.parents)
        rest = tuple(axis for axis in range(joint.ndim) if axis not in of + given)
        law = joint.sum(axis=rest, keepdims=True)
        return law / law.sum(axis=of, keepdims=True)
    if isinstance(expression, Sum):
        return value(expression.expression, joint, place).sum(axis=at(expression.ranges), keepdims=True)
    if isinstance(expression, Product):
        result = np.ones([1] * joint.ndim)
        for factor in expression.expressions:
            result = result * value(factor, joint, place)
        return result
    if isinstance(expression, Fraction):
        return value(expression.numerator, joint, place) / value(expression.denominator, joint, place)
    if isinstance(expression, One | Zero):
        return np.full([1] * joint.ndim, float(isinstance(expression, One)))
    raise TypeError(type(expression).__name__)


def gap(expression: Any, problem: dict[str, Any]) -> float:
    """Largest error against the truth, for every value of whatever the expression reads."""
    names = problem["names"]
    place = {name: axis for axis, name in enumerate(names)}
    found = value(expression, np.array(problem["joint"]), place)
    truth = np.array(problem["truth"])  # axes: outcome, treatment
    y, x = place[problem["y"]], place[problem["x"]]
    shape = [1] * len(names)
    shape[y], shape[x] = truth.shape
    wanted = (truth if y < x else truth.T).reshape(shape)
    return float(np.abs(found - wanted).max())


def answer(problem: dict[str, Any]) -> dict[str, Any]:
    """Verdict, seconds and error of one problem."""
    graph = NxMixedGraph.from_str_edges(
        nodes=problem["names"], directed=problem["directed"], undirected=problem["bidirected"]
    )
    x, y = {Variable(problem["x"])}, {Variable(problem["y"])}
    times, expression = [], None
    while len(times) < 3 and (not times or times[-1] < QUICK):
        start = time.perf_counter()
        expression = identify_outcomes(graph, x, y)
        times.append(time.perf_counter() - start)
    found: dict[str, Any] = {"identified": expression is not None, "seconds": statistics.median(times)}
    if expression is not None and "joint" in problem:
        found["gap"] = gap(expression, problem)
    return found


def main() -> None:
    """Answer every problem of standard input, one JSON line each."""
    for problem in json.load(sys.stdin):
        try:
            line = answer(problem)
        except Exception as error:
            line = {"error": type(error).__name__}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
