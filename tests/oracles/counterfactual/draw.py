"""Random questions about several worlds: diagrams, happenings, conditions, studies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.oracles.counterfactual.rank import Study
from tests.oracles.counterfactual.response import Happening
from tests.oracles.flat.diagram import Diagram, random_diagram
from umbel.model.query import Expectation, Probability, Question

MOST_TYPES = 5_000
"""Combinations of binary response functions that a drawn diagram may have."""
MOST_ARCS = 4
"""``<->`` that a drawn diagram may have."""


@dataclass(frozen=True, slots=True)
class Asked:
    """``P(happenings | given)`` in a diagram."""

    diagram: Diagram
    happenings: tuple[Happening, ...]
    given: tuple[Happening, ...]

    def text(self) -> str:
        """As a question."""
        bar = " | " if self.given else ""
        return f"P({', '.join(h.text() for h in self.happenings)}{bar}{', '.join(h.text() for h in self.given)})"

    def term(self) -> Probability:
        """As the package parses it."""
        body = Question.parse(self.text()).body
        assert isinstance(body, Probability) and not isinstance(body, Expectation)
        return body

    @property
    def free(self) -> tuple[str, ...]:
        """Names without a value, in order."""
        return tuple(h.name for h in (*self.happenings, *self.given) if h.value is None)


def small_diagram(rng: np.random.Generator, *, latent: bool = False) -> Diagram:
    """A diagram of 2 to 5 visible names that the oracles can enumerate."""
    while True:
        diagram = random_diagram(rng, int(rng.integers(2, 6)), int(rng.integers(1, 3)) if latent else 0)
        types = np.prod([2.0 ** (2 ** len(diagram.parents(name))) for name in diagram.names])
        if types <= MOST_TYPES and len(diagram.bidirected) <= MOST_ARCS:
            return diagram


def random_question(rng: np.random.Generator, *, conditions: bool, latent: bool = False) -> Asked:
    """One to three happenings, with one or two conditions if asked for; some nested, some without value."""
    diagram = small_diagram(rng, latent=latent)
    wanted = int(rng.integers(1, 4))
    given = int(rng.integers(1, 3)) if conditions else 0
    found: list[Happening] = []
    for _ in range(50):
        name = str(rng.choice(diagram.visible))
        world = _world(rng, diagram, name, 0) if rng.uniform() < 0.65 else ()
        if not any((other.name, other.world) == (name, world) for other in found):
            once = all(other.name != name or other.value is not None for other in found)
            value = None if once and rng.uniform() < 0.1 else int(rng.integers(2))
            found.append(Happening(name, world, value))
        if len(found) == wanted + given:
            break
    wanted = min(wanted, len(found) - (given > 0))
    return (
        Asked(diagram, tuple(found[:wanted]), tuple(found[wanted:]))
        if wanted
        else random_question(rng, conditions=conditions, latent=latent)
    )


def natural_question(rng: np.random.Generator, *, latent: bool = False) -> Asked:
    """``Y[A=1, M[A=0]]``, the heart of natural effects, with one or two mediators and sometimes conditions."""
    while True:
        diagram = small_diagram(rng, latent=latent)
        pairs = [(a, y) for a in diagram.visible for y in diagram.visible if y != a and y in diagram.descendants(a)]
        if not pairs:
            continue
        cause, outcome = pairs[int(rng.integers(len(pairs)))]
        below = diagram.descendants(cause) - {cause, outcome}
        between = [name for name in diagram.visible if name in below and outcome in diagram.descendants(name)]
        if between:
            break
    low = int(rng.integers(2))
    chosen = rng.permutation(between)[: int(rng.integers(1, 3))]
    mediators = [(str(name), Happening(str(name), ((cause, low),))) for name in sorted(chosen)]
    asked = Happening(outcome, ((cause, 1 - low), *mediators), int(rng.integers(2)))
    rest = [name for name in diagram.visible if name != outcome]
    given = tuple(Happening(str(name), (), int(rng.integers(2))) for name in rng.permutation(rest)[:1])
    return Asked(diagram, (asked,), given if rng.uniform() < 0.3 else ())


def _world(
    rng: np.random.Generator, diagram: Diagram, name: str, depth: int
) -> tuple[tuple[str, int | Happening], ...]:
    settings: list[tuple[str, int | Happening]] = []
    for other in diagram.visible:
        if rng.uniform() < (0.05 if other == name else 0.35):
            inner = _world(rng, diagram, other, depth + 1) if depth < 2 and rng.uniform() < 0.15 else ()
            settings.append((other, Happening(other, inner) if inner else int(rng.integers(2))))
    return tuple(settings)


def random_studies(rng: np.random.Generator, diagram: Diagram, *, partial: bool = False) -> tuple[Study, ...]:
    """The observed world, mostly, and one to three experiments; ``partial``: some names and doses missing."""
    found = [Study()] if rng.uniform() < 0.8 else []
    for _ in range(int(rng.integers(1, 4))):
        size = int(rng.integers(1, max(len(diagram.visible), 2)))
        found.append(Study(tuple(str(name) for name in rng.choice(diagram.visible, size, replace=False))))
    return tuple(dict.fromkeys(_less(rng, diagram, study) if partial else study for study in found))


def _less(rng: np.random.Generator, diagram: Diagram, study: Study) -> Study:
    sees = tuple(name for name in diagram.visible if rng.uniform() < 0.7) if rng.uniform() < 0.6 else None
    if not sees and not study.sets:
        sees = None
    doses = (int(rng.integers(2)),) if study.sets and rng.uniform() < 0.5 else None
    return Study(study.sets, sees, doses)
