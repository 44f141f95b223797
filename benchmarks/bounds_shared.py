"""What the studies of bounds share: Table 1 as records, random models, tables in Markdown, wall times."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from umbel.estimate.bounds_arrays import Records
from umbel.graph.mixed import Graph
from umbel.identification.bounds import programmes
from umbel.model.programme import Programme
from umbel.model.query import Question

RESULTS = Path(__file__).parent / "results"
MACHINE = "Two cores, shared with other work."
DATA = {"O": (0,), "I": (1,), "O+I": (0, 1)}
"""Which of two studies, the observational one and the trial, a bound reads."""


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]], note: str = "") -> str:
    """A Markdown table with a title, and a note below."""
    lines = [f"# {title}", "", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += [
        "| " + " | ".join(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row) + " |"
        for row in rows
    ]
    return "\n".join([*lines, "", note]).rstrip() + "\n"


def write(name: str, text: str) -> None:
    """Print a table and keep it among the results."""
    print(text)  # noqa: T201 (a benchmark prints)
    (RESULTS / f"bounds_{name}.md").write_text(text, encoding="utf-8")


def drug(gender: bool) -> tuple[Programme, tuple[Records, Records]]:
    """Table 1 of Zaffalon et al. (2023), in one of its two readings."""
    text = "G -> T -> S <- G; T <-> S" if gender else "T -> S; T <-> S"
    ((_, programme),) = programmes(Graph.parse(text), Question.parse("PNS(T, S)"), {})
    counts = np.array([[[180, 420], [1022, 378]], [[180, 420], [420, 980]]], dtype=float)  # gender, treatment, survival
    trial = np.array([[[790, 210], [511, 489]], [[790, 210], [510, 490]]], dtype=float)
    found = []
    for values, do in ((counts, ()), (trial, ("T",))):
        array = values if gender else values.sum(axis=0)
        codes = np.indices(array.shape).reshape(array.ndim, -1).T
        order = [("G", "T", "S")[-array.ndim :].index(name) for name in programme.names]
        found.append(Records(codes[:, order], array.reshape(-1), tuple(programme.names.index(name) for name in do)))
    return programme, (found[0], found[1])


def fastest(work: Callable[[], object], times: int = 5) -> float:
    """The least of several wall times: other work on the machine only adds."""
    best = np.inf
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return float(best)
