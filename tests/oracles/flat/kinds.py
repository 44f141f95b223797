"""Questions of every flat kind, put to the public door as text and answered three times.

ID, IDC, gID and policies, as a reader would type them: the package's verdict meets the rank oracle's
(:mod:`tests.oracles.flat.rank`), its estimand meets enumeration, and its own ``verify()`` must agree.
Nothing here may raise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import exp

import numpy as np

import umbel
from tests.oracles.flat.diagram import Diagram, random_diagram
from tests.oracles.flat.rank import Query, Study, can_move
from tests.oracles.flat.truth import Mechanism, World, held, random_table, random_world
from umbel.expr.estimand import Estimand
from umbel.numerics.tables import Table
from umbel.results.verdict import Verdict

MOST_HIDDEN = 6
"""Hidden variables that the rank oracle enumerates in a moment."""


@dataclass(frozen=True, slots=True)
class Law:
    """A policy: how a question writes it, what it reads, and its table; ``given`` where the text leaves it open."""

    text: str
    mechanism: Mechanism
    given: bool


@dataclass(frozen=True, slots=True)
class Posed:
    """``P(y | do(x), z)`` in a diagram, known from some studies; some of ``x`` follow a policy."""

    diagram: Diagram
    y: tuple[str, ...]
    x: tuple[str, ...]
    z: tuple[str, ...] = ()
    laws: Mapping[str, Law] = field(default_factory=dict)
    studies: tuple[Study, ...] | None = None

    @property
    def hard(self) -> tuple[str, ...]:
        return tuple(name for name in self.x if name not in self.laws)

    def text(self) -> str:
        do = ", ".join(f"{name} ~ {self.laws[name].text}" if name in self.laws else name for name in self.x)
        bar = ", ".join([f"do({do})"] * bool(do) + list(self.z))
        return f"P({', '.join(self.y)}{' | ' if bar else ''}{bar})"

    def query(self) -> Query:
        changes = {name: self.laws[name].mechanism if name in self.laws else held(0, 2) for name in self.x}
        return Query(self.y, changes, self.z)

    def verdict(self) -> Verdict:
        if self.studies is None:
            return umbel.identify(self.diagram.graph(), self.text())
        known = [umbel.Experiment(do=study.do, observed=study.seen) for study in self.studies]
        return umbel.identify(self.diagram.graph(), self.text(), experiments=known)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question: the verdict, the oracle's, and the largest error of the estimand."""

    posed: Posed
    identified: bool
    moved: bool
    gap: float = 0.0
    proved: bool = True
    """Whether a "no" says that it is a proof, not the end of one route."""

    @property
    def unsound(self) -> bool:
        """The package says yes, and a model shows that the answer can move."""
        return self.identified and self.moved

    @property
    def missed(self) -> bool:
        """The package says no, and no model was found in which the answer moves."""
        return not self.identified and not self.moved

    @property
    def wrong(self) -> bool:
        """Whether the verdict is refuted, or claims a proof that no model bears out."""
        return self.unsound or (self.missed and self.proved)


def ask(posed: Posed, rng: np.random.Generator) -> Outcome:
    """Put a question; everything that a verdict offers is asked for, so that nothing may raise."""
    verdict = posed.verdict()
    assert not isinstance(verdict, umbel.Refused), (posed, verdict)
    moved = can_move(posed.diagram, posed.query(), rng, studies=posed.studies, tries=1 if verdict.identified else 40)
    assert verdict.verify(rng=rng), posed
    assert verdict.steps or not verdict.identified or not posed.x, posed
    if not verdict.identified:
        assert isinstance(verdict, umbel.Unidentified) and verdict.certificate.text, posed
        return Outcome(posed, False, moved, proved=verdict.certificate.kind == "hedge")
    assert verdict.estimand.text() and verdict.estimand.latex() and verdict.estimand.to_json(), posed
    assert verdict.estimand.requirements() is not None and verdict.estimand.needs() is not None
    return Outcome(posed, True, moved, gap(posed, verdict.estimand, random_world(posed.diagram, rng, visible=(2,))))


def gap(posed: Posed, estimand: Estimand, world: World) -> float:
    """Largest difference between the estimand, on what the studies show of a world, and the truth in it."""
    known = [measured(world, study) for study in posed.studies or (Study(world.visible),)]
    tables = {
        name: Table((name, *law.mechanism[0]), np.moveaxis(law.mechanism[1], -1, 0))
        for name, law in posed.laws.items()
        if law.given
    }
    found = estimand.evaluate(known if posed.studies else known[0], laws=tables or None)
    hard, changes = posed.hard, {name: law.mechanism for name, law in posed.laws.items()}
    truth = world.under(changes).effect(posed.y, hard, posed.z)
    wanted = (*posed.y, *posed.z, *hard)
    order = [wanted.index(axis) for axis in found.axes]
    assert sorted(order) == list(range(len(wanted))), (posed, found.axes)
    return float(np.abs(found.array - np.transpose(truth, order)).max())


def measured(world: World, study: Study) -> Table:
    """What a study shows: its treatments set evenly, the rest as the world has it."""
    trial = world.under({name: ((), np.full(2, 0.5)) for name in study.do})
    names = [name for name in world.visible if name in study.seen]
    return Table(names, trial.law(names))


def _drawn(rng: np.random.Generator, most: int, *counts: tuple[int, int]) -> tuple[Diagram, list[tuple[str, ...]]]:
    """A diagram with room for groups of names, each group between two sizes."""
    while True:
        diagram = random_diagram(rng, int(rng.integers(2, most + 1)), int(rng.integers(0, 3)))
        sizes = [int(rng.integers(low, high + 1)) for low, high in counts]
        if sum(sizes) <= len(diagram.visible) and len(diagram.latent) + len(diagram.bidirected) <= MOST_HIDDEN:
            names = iter(str(name) for name in rng.permutation(diagram.visible))
            return diagram, [tuple(next(names) for _ in range(size)) for size in sizes]


def effect(rng: np.random.Generator) -> Posed:
    """``P(y | do(x))``, one to three treatments."""
    diagram, (x, y) = _drawn(rng, 6, (1, 3), (1, 2))
    return Posed(diagram, y, x)


def conditional(rng: np.random.Generator) -> Posed:
    """``P(y | do(x), z)``; some conditions are disconnected or tell nothing."""
    diagram, (x, y, z) = _drawn(rng, 6, (0, 2), (1, 2), (1, 2))
    return Posed(diagram, y, x, z)


def several_studies(rng: np.random.Generator) -> Posed:
    """``P(y | do(x))`` from one to three studies of everything."""
    diagram, (x, y) = _drawn(rng, 5, (1, 2), (1, 2))
    return Posed(diagram, y, x, studies=_studies(rng, diagram, 0.0))


def several_studies_conditional(rng: np.random.Generator) -> Posed:
    """``P(y | do(x), z)`` from one to three studies of everything."""
    diagram, (x, y, z) = _drawn(rng, 5, (0, 2), (1, 2), (1, 2))
    return Posed(diagram, y, x, z, studies=_studies(rng, diagram, 0.0))


def partial_studies(rng: np.random.Generator) -> Posed:
    """``P(y | do(x))`` from studies that miss some variables: sound, not complete."""
    while True:
        diagram, (x, y) = _drawn(rng, 5, (1, 2), (1, 2))
        studies = _studies(rng, diagram, 0.3)
        if {*x, *y} <= {name for study in studies for name in study.seen}:  # else the question is an error
            return Posed(diagram, y, x, studies=studies)


def _studies(rng: np.random.Generator, diagram: Diagram, hidden: float) -> tuple[Study, ...]:
    found = []
    for _ in range(int(rng.integers(1, 4))):
        do = tuple(name for name in diagram.visible if rng.uniform() < 0.3)[:2]
        seen = tuple(name for name in diagram.visible if name in do or rng.uniform() >= hidden)
        found.append(Study(seen if len(seen) > len(do) else diagram.visible, do))
    return tuple(found)


def policy(rng: np.random.Generator) -> Posed:
    """One to three treatments, each by a law of its own; at most one is held instead."""
    diagram, (x, y) = _drawn(rng, 6, (1, 3), (1, 2))
    return Posed(diagram, y, x, laws=_laws(rng, diagram, x))


def policy_conditional(rng: np.random.Generator) -> Posed:
    """The same under one or two conditions."""
    diagram, (x, y, z) = _drawn(rng, 6, (1, 2), (1, 2), (1, 2))
    return Posed(diagram, y, x, z, laws=_laws(rng, diagram, x))


def policy_several_studies(rng: np.random.Generator) -> Posed:
    """Laws of treatments, from one to three studies of everything."""
    diagram, (x, y) = _drawn(rng, 5, (1, 2), (1, 2))
    return Posed(diagram, y, x, laws=_laws(rng, diagram, x), studies=_studies(rng, diagram, 0.0))


def _laws(rng: np.random.Generator, diagram: Diagram, x: tuple[str, ...]) -> dict[str, Law]:
    """Laws that read what comes before their treatment in some order of the diagram, other treatments too."""
    order: list[str] = []
    while len(order) < len(diagram.names):
        free = [n for n in diagram.names if n not in order and set(diagram.parents(n)) <= set(order)]
        order.append(str(rng.choice(free)))
    held_one = rng.uniform() < 0.25 and len(x) > 1
    laws = {}
    for name in x[held_one:]:
        before = [n for n in order[: order.index(name)] if n in diagram.visible]
        # A condition on what a law reads, or on a treatment itself, is a question too.
        laws[name] = _law(rng, tuple(n for n in before if rng.uniform() < 0.5)[:3])
    return laws


def _law(rng: np.random.Generator, reads: tuple[str, ...]) -> Law:
    """An open law or a family that the question names."""
    shape = [2] * (len(reads) + 1)
    kind = str(rng.choice(["open", "open", "chance", "logit", "rule"]))
    if kind == "logit" and reads:
        weights = [round(float(rng.uniform(-2, 2)), 2) for _ in range(len(reads) + 1)]
        words = " + ".join([f"{weights[0]}", *(f"{w}*{n}" for w, n in zip(weights[1:], reads, strict=True))])
        chances = np.empty(shape[:-1])
        for at in np.ndindex(*shape[:-1]):
            total = weights[0] + sum(w * v for w, v in zip(weights[1:], at, strict=True))
            chances[at] = 1 / (1 + exp(-total))
        return Law(f"Bernoulli(expit({words}))", (reads, np.stack([1 - chances, chances], axis=-1)), False)
    if kind == "rule" and reads:
        return Law(f"Point(1 - {reads[0]})", ((reads[0],), np.eye(2)[::-1]), False)
    if kind == "chance":
        chance = round(float(rng.uniform(0.1, 0.9)), 2)
        return Law(f"Bernoulli({chance})", ((), np.array([1 - chance, chance])), False)
    words = f"q({', '.join(reads)})" if reads else "q"
    return Law(words, (reads, random_table(rng, shape)), True)


KINDS: tuple[tuple[str, Callable[[np.random.Generator], Posed], bool], ...] = (
    ("ID", effect, True),
    ("IDC", conditional, True),
    ("gID", several_studies, True),
    ("gID, conditional", several_studies_conditional, True),
    ("gID, studies that miss variables", partial_studies, False),
    ("policy", policy, True),
    ("policy, conditional", policy_conditional, True),
    ("policy, several studies", policy_several_studies, True),
)
"""Names of the kinds, how each is drawn, and whether a "no" is claimed to be a proof."""
