# ruff: noqa: T201 (a benchmark prints)
"""Verdicts against an algorithm-free rank oracle, and estimands against exact truth, kind by kind.

Run from the root of a checkout with ``python -m benchmarks.oracle_identification``; writes
``benchmarks/results/oracle_identification.md``. The oracle takes the Jacobian of all known laws by
the parameters of a random structural model: where the asked quantity moves while these stand still,
it is not identified. Truth is enumeration of every state of the same models. The oracles live in
``tests/oracles`` and share no code with the package; the questions are random, small and asked as
text through the public door. ``--questions N`` asks N of each kind.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import umbel
from tests.oracles.counterfactual.check import shows_no, sights_of, truth_gap
from tests.oracles.counterfactual.draw import Asked, natural_question, random_question, random_studies
from tests.oracles.counterfactual.laws import ask as ask_law
from tests.oracles.counterfactual.laws import drawn
from tests.oracles.counterfactual.rank import Study, can_move, valued
from tests.oracles.counterfactual.response import random_response_model
from tests.oracles.flat.kinds import KINDS, ask
from umbel.graph.mixed import Graph
from umbel.identification.counterfactual import counterfactual_effect
from umbel.model.proof import Worlds
from umbel.results.step import Refusal

RESULT = Path(__file__).parent / "results" / "oracle_identification.md"
QUESTIONS = 1000
EXACT = 1e-10
"""The largest error that still counts as exact."""
YES, NO, UNDEFINED = "identified", "not identified", "undefined"


@dataclass(slots=True)
class Row:
    """What came of one kind of question."""

    kind: str
    seen: Counter[str] = field(default_factory=Counter)
    gap: float = 0.0
    seconds: float = 0.0

    def line(self) -> str:
        """The row of the table."""
        seen = self.seen
        counts = (seen[YES], seen[NO], seen[UNDEFINED], seen["unsound"], seen["refuted proof"], seen["missed"])
        return f"| {self.kind} | {' | '.join(map(str, (*counts, seen['inexact'], seen['raised'])))} | {self.gap:.0e} |"


HEAD = (
    "| kind | identified | not identified | undefined | identified, though the oracle moves | "
    '"no" called a proof, though it never moves | "no" by one route, though it never moves | '
    "inexact | raised | largest error |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def flat(count: int) -> Iterator[Row]:
    """ID, IDC, gID and policies."""
    for place, (kind, draw, _) in enumerate(KINDS):
        row, rng, start = Row(kind), np.random.default_rng([20, place]), time.perf_counter()
        for _ in range(count):
            asked = draw(rng)
            try:
                found = ask(asked, rng)
            except Exception as error:
                row.seen["raised"] += 1
                print("raised", asked, error)
                continue
            row.seen[YES if found.identified else NO] += 1
            row.seen["unsound"] += found.unsound
            row.seen["refuted proof" if found.proved else "missed"] += found.missed
            row.seen["inexact"] += not found.gap < EXACT
            row.gap = max(row.gap, found.gap)
            if found.wrong or not found.gap < EXACT:
                print("wrong", found)
        row.seconds = time.perf_counter() - start
        print(row.line(), f"{row.seconds:.0f} s", flush=True)
        yield row


Draw = Callable[[np.random.Generator], tuple[Asked, tuple[Study, ...]]]


def _alone(conditions: bool, latent: bool) -> Draw:
    return lambda rng: (random_question(rng, conditions=conditions, latent=latent), ())


def _several(partial: bool) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[Asked, tuple[Study, ...]]:
        asked = random_question(rng, conditions=bool(rng.integers(2)))
        return asked, random_studies(rng, asked.diagram, partial=partial)

    return draw


WORLDS: tuple[tuple[str, Draw, bool], ...] = (
    ("ID*", _alone(False, False), False),
    ("ID*, latent names", _alone(False, True), False),
    ("IDC*", _alone(True, False), False),
    ("IDC*, latent names", _alone(True, True), False),
    ("natural effects", lambda rng: (natural_question(rng, latent=bool(rng.integers(2))), ()), False),
    ("ID* and IDC*, several studies", _several(False), False),
    ("ID* and IDC*, studies that miss names and doses", _several(True), False),
    ("ID*, two states declared", _alone(False, False), True),
    ("IDC*, two states declared", _alone(True, False), True),
    ("ID* and IDC*, several studies, two states declared", _several(False), True),
)
"""Names of the kinds, how each is drawn, and whether the graph says that every name has two states."""


def worlds(count: int) -> Iterator[Row]:
    """ID*, IDC* and nested counterfactuals."""
    for place, (kind, draw, binary) in enumerate(WORLDS):
        row, rng, start = Row(kind), np.random.default_rng([21, place]), time.perf_counter()
        for _ in range(count):
            asked, studies = draw(rng)
            try:
                _count(row, asked, studies, rng, binary)
            except Exception as error:
                row.seen["raised"] += 1
                print("raised", asked.diagram, asked.text(), studies, error)
        row.seconds = time.perf_counter() - start
        print(row.line(), f"{row.seconds:.0f} s", flush=True)
        yield row


def laws(count: int) -> Iterator[Row]:
    """Treatments that follow laws in counterfactual worlds."""
    for several in (False, True):
        row = Row(f"laws in counterfactual worlds{', several studies' if several else ''}")
        rng, start = np.random.default_rng([22, several]), time.perf_counter()
        for _ in range(count):
            asked = drawn(rng)
            try:
                word, gap = ask_law(asked, random_studies(rng, asked.diagram) if several else (), rng)
            except Exception as error:
                row.seen["raised"] += 1
                print("raised", asked.diagram, asked.text(), error)
                continue
            row.seen[{"yes": YES, "undefined": UNDEFINED}.get(word, NO)] += 1
            row.seen["refuted proof"] += word == "nothing moves"
            row.gap = max(row.gap, gap)
            row.seen["inexact"] += not gap < EXACT
        row.seconds = time.perf_counter() - start
        print(row.line(), f"{row.seconds:.0f} s", flush=True)
        yield row


def _count(row: Row, asked: Asked, studies: tuple[Study, ...], rng: np.random.Generator, binary: bool) -> None:
    graph = asked.diagram.graph()
    if binary:
        graph = Graph.parse(graph.text() + "".join(f"\nstates {name} = 2" for name in graph.names))
    found = counterfactual_effect(graph, asked.term(), sights_of(graph, studies))
    if not studies:
        _at_the_door(graph, asked, found, rng)
    if isinstance(found, Refusal):
        assert "undefined" in found.why, found
        row.seen[UNDEFINED] += 1
    elif found.expr is None:
        row.seen[NO] += 1
        if not shows_no(asked, rng, studies, most=2 if binary else 3):
            row.seen["refuted proof" if found.complete else "missed"] += 1
            if found.complete:
                print("never moves", asked.diagram, asked.text(), studies)
    else:
        row.seen[YES] += 1
        if can_move(asked.diagram, asked.happenings, asked.given, rng, studies=studies or (Study(),)):
            row.seen["unsound"] += 1
            print("moves", asked.diagram, asked.text(), studies)
        _, gap = truth_gap(asked, found, rng, studies, most=2 if binary else 3)
        row.gap = max(row.gap, gap)
        row.seen["inexact"] += not gap < EXACT


def _at_the_door(graph: Graph, asked: Asked, found: Worlds | Refusal, rng: np.random.Generator) -> None:
    """The same question as text: the same verdict, which proves itself, and its estimand on a table."""
    verdict = umbel.identify(graph, asked.text())
    if isinstance(verdict, umbel.Identified):
        assert verdict.estimand.latex() and verdict.estimand.to_json() and verdict.verify(rng=rng), verdict
        model = random_response_model(asked.diagram, rng)
        answer = verdict.estimand.evaluate(umbel.Table(asked.diagram.visible, model.observed()))
        both = (*asked.happenings, *asked.given)
        for events in valued(both, 2):
            truth = model.chance(events[: len(asked.happenings)], events[len(asked.happenings) :])
            at = {one.name: one.value for one, old in zip(events, both, strict=True) if old.value is None}
            value = answer.array[tuple(at[axis] for axis in answer.axes)]
            assert np.isnan(truth) or abs(value - truth) < EXACT, (asked.text(), value, truth)
    if isinstance(verdict, umbel.Unidentified):
        assert verdict.certificate.text and verdict.verify(rng=rng), verdict
    if umbel.Question.parse(asked.text()).is_counterfactual:
        known = not isinstance(found, Refusal) and found.expr is not None
        assert verdict.identified is known, (verdict, found)


def main() -> None:
    """Ask, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    one, two = list(flat(given.questions)), [*worlds(given.questions), *laws(given.questions)]
    machine = f"{os.cpu_count()} shared cores, Python {platform.python_version()}, NumPy {np.__version__}"
    seconds = sum(row.seconds for row in (*one, *two))
    exact = sum(row.seen[YES] for row in (*one, *two))
    policies = sum(row.seen[YES] for row in one)
    words = [
        "# Verdicts against ranks, estimands against exact truth",
        f"{given.questions} random small questions of each kind; {machine}; {seconds:.0f} s. "
        "Made by `python -m benchmarks.oracle_identification`.",
        f"{exact} identified estimands ({policies} over ID, IDC, gID and policies) were compared with enumeration.",
        "## Effects\n\n" + "\n".join([HEAD, *(row.line() for row in one)]),
        "## Counterfactuals\n\n" + "\n".join([HEAD, *(row.line() for row in two)]),
        NOTES,
    ]
    given.out.write_text("\n\n".join(words) + "\n")


NOTES = """## How to read it

The oracle's "moves" is a proof, up to floating point: two models agree on all that is known and differ on
the question. Its "never moves" is not: it looks at models of two states (for effects with up to eight states
of a hidden cause; for counterfactuals also at models of three states and at random choices of mechanisms).
"Undefined" are conditions of probability zero in every model, named as such. Laws in counterfactual worlds
stand in subscripts, P(Y[A ~ q(Z), M[A=0]]=1 | A=0), and what a model refutes there would raise.

"No" by one route: where a study does not measure everything, or set a treatment at some doses only, the
search for a kernel in one study at a time is sound and not complete, and its certificates say so ("not
identified by this route"). The same holds for conditional counterfactuals where states are declared: with two
states subtraction identifies more, and the search for it is bounded."""


if __name__ == "__main__":
    main()
