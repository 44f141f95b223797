"""A bounding programme as arrays: response functions, patterns that studies see, tables of scenes.

The likelihood of complete records factorises over components (Tian, "Studies in causal reasoning
and learning", 2002, lemma 10): a component's records are its own values and those that its
functions read, and each distinct record is a 0/1 row over the component's states.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError
from umbel.model.programme import Component, Fixed, Programme, Quantity, Scene
from umbel.numerics.multilinear import Factor, Polynomial, Term

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_ENTRIES = 60_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """What one study saw.

    Parameters
    ----------
    codes
        Distinct records, shape (records, variables of the programme); -1: missing.
    counts
        Shape (records,).
    do
        Variables that the study set, as indices.
    name
        What messages call it.
    population
        True for a law that is known, not sampled: the counts are probabilities.
    selected
        Variable whose value decided which rows were kept, and the code it was kept at; the rows
        left out are known to exist by nobody.
    rows
        Number of rows behind the counts, where weights or clusters make them count as fewer; None: the counts.
    clusters
        Number of clusters that the rows were drawn in; None where each was drawn by itself.
    """

    codes: Codes
    counts: Array
    do: tuple[int, ...] = ()
    name: str = "the study"
    population: bool = False
    selected: tuple[int, int] | None = None
    rows: float | None = None
    clusters: int | None = None

    @property
    def total(self) -> float:
        """Number of records."""
        return float(self.counts.sum())


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A component as arrays.

    Parameters
    ----------
    component
        What it was made from.
    answers
        Per mechanism, shape (states, configurations of its parents): the value it gives.
    sizes
        Number of states of every variable.
    """

    component: Component
    answers: tuple[NDArray[np.int16], ...]
    sizes: tuple[int, ...]

    @property
    def states(self) -> int:
        """Number of joint states of its roots."""
        return self.component.size

    def configuration(self, at: int, codes: Codes) -> Codes:
        """Configurations of a mechanism's parents in records of all variables, shape (records,)."""
        flat = np.zeros(len(codes), dtype=np.int64)
        for parent in self.component.mechanisms[at].parents:
            flat = flat * self.sizes[parent] + codes[:, parent]
        return flat

    def agrees(self, codes: Codes, do: Sequence[int] = ()) -> Array:
        """Which states show which records, shape (records, states); variables in ``do`` were set."""
        check_size(len(codes), self.states, "records")
        found = np.ones((len(codes), self.states), dtype=bool)
        if any((codes[:, node] < 0).any() for node in self.reads(do)):
            return self._agrees_in_part(codes, do)
        for at, mechanism in enumerate(self.component.mechanisms):
            if mechanism.node not in do:
                given = self.answers[at][:, self.configuration(at, codes)].T
                found &= given == codes[:, mechanism.node, None]
        return found.astype(np.float64)

    def _agrees_in_part(self, codes: Codes, do: Sequence[int]) -> Array:
        """The same where the component's own values may be missing: every state fills them in its way."""
        found = np.ones((len(codes), self.states), dtype=bool)
        shown: dict[int, Codes] = {}
        everyone = np.arange(self.states)
        for at, mechanism in enumerate(self.component.mechanisms):
            seen = codes[:, mechanism.node, None]
            if mechanism.node in do:
                continue
            flat = np.zeros((len(codes), self.states), dtype=np.int64)
            for parent in mechanism.parents:
                flat = flat * self.sizes[parent] + shown.get(parent, codes[:, parent, None])
            answer = self.answers[at][everyone, flat].astype(np.int64)
            found &= (answer == seen) | (seen < 0)
            shown[mechanism.node] = np.where(seen < 0, answer, seen)
        return found.astype(np.float64)

    def reads(self, do: Sequence[int] = ()) -> tuple[int, ...]:
        """Variables that a record of the component consists of, ascending."""
        active = [one for one in self.component.mechanisms if one.node not in do]
        return tuple(sorted({*(one.node for one in active), *(parent for one in active for parent in one.parents)}))

    @property
    def given(self) -> tuple[tuple[int, int], ...]:
        """Values of covariates that the block's units have, as pairs of a variable and a code."""
        return self.component.given

    def within(self, codes: Codes) -> NDArray[np.bool_]:
        """Which records are of the block's units, shape (records,)."""
        found = np.ones(len(codes), dtype=bool)
        for node, code in self.given:
            found &= codes[:, node] == code
        return found

    def active(self, do: Sequence[int] = ()) -> tuple[int, ...]:
        """Its variables that were not set."""
        return tuple(node for node in self.component.nodes if node not in do)


def check_size(many: int, states: int, what: str) -> None:
    """A table that memory would not hold is an error with its size."""
    if many * states > MOST_ENTRIES:
        raise DataError(
            f"{many:,} {what} times {states:,} exogenous states are {many * states:,} entries, more than "
            f"{MOST_ENTRIES:,}. Fewer states, `assume monotone`, or given equations make the model smaller."
        )


def blocks_of(programme: Programme) -> tuple[Block, ...]:
    """The programme's components as arrays."""
    return tuple(_block(component, programme.sizes) for component in programme.components)


def _block(component: Component, sizes: tuple[int, ...]) -> Block:
    check_size(max(len(one.functions[0]) for one in component.mechanisms), component.size, "configurations")
    states = np.indices(component.roots).reshape(len(component.roots), component.size)
    answers = []
    for mechanism in component.mechanisms:
        functions = np.asarray(mechanism.functions, dtype=np.int16).reshape(len(mechanism.functions), -1)
        which = np.zeros(component.size, dtype=np.int64)
        for root in mechanism.roots:
            which = which * component.roots[root] + states[root]
        answers.append(functions[which])
    return Block(component, tuple(answers), sizes)


@dataclass(frozen=True, slots=True, eq=False)
class Patterns:
    """What the studies say of one component.

    Parameters
    ----------
    rows
        Shape (patterns, states): which states show a pattern.
    counts
        Shape (patterns,): how often it was seen, studies with the same variables set pooled.
    saturated
        Shape (patterns,): its probability when every conditional law is as observed.
    studies
        Per study: the patterns that it saw, their counts, its own saturated log likelihood, and
        how many free probabilities these laws have.
    records
        Codes of each pattern, shape (patterns, variables), -1 where the component does not look.
    """

    rows: Array
    counts: Array
    saturated: Array
    studies: tuple[StudyView, ...]
    records: Codes


@dataclass(frozen=True, slots=True, eq=False)
class StudyView:
    """One study's part of a component's likelihood; ``study`` is its position."""

    study: int
    patterns: NDArray[np.intp]
    counts: Array
    saturated: Array


def patterns_of(block: Block, studies: Sequence[Records]) -> Patterns:
    """Distinct patterns of a component in complete records of several studies."""
    width = len(block.sizes)
    keys: list[Codes] = []
    rows: list[Array] = []
    pooled: dict[tuple[int, ...], list[tuple[int, Codes, Array]]] = {}
    for index, one in enumerate(studies):
        active = block.active(one.do)
        units = block.within(one.codes)
        if active and units.any():
            reads = list(block.reads(one.do))
            distinct, owner = np.unique(one.codes[units][:, reads], axis=0, return_inverse=True)
            counts = _summed(owner, one.counts[units], len(distinct))
            pooled.setdefault(active, []).append((index, distinct[counts > 0], counts[counts > 0]))
    first = 0
    totals: list[Array] = []
    laws: list[Array] = []
    views: list[StudyView] = []
    for active, parts in pooled.items():
        do = tuple(node for node in block.component.nodes if node not in active)
        reads = list(block.reads(do))
        whole, owner = np.unique(np.concatenate([part[1] for part in parts]), axis=0, return_inverse=True)
        full = np.full((len(whole), width), -1, dtype=np.int64)
        full[:, reads] = whole
        for node, code in block.given:
            full[:, node] = code
        counts = np.zeros(len(whole))
        at = 0
        for index, own, number in parts:
            where = owner.reshape(-1)[at : at + len(own)]
            at += len(own)
            counts += _summed(where, number, len(whole))
            views.append(StudyView(index, where + first, number, sequential(block, do, full[where], number)))
        keys.append(full)
        rows.append(block.agrees(full, do))
        totals.append(counts)
        laws.append(sequential(block, do, full, counts))
        first += len(whole)
    if not rows:
        none = np.zeros(0)
        return Patterns(np.zeros((0, block.states)), none, none, (), np.zeros((0, width), dtype=np.int64))
    return Patterns(
        np.concatenate(rows), np.concatenate(totals), np.concatenate(laws), tuple(views), np.concatenate(keys)
    )


def _summed(owner: NDArray[np.intp], counts: Array, size: int) -> Array:
    return np.bincount(owner.reshape(-1), counts, minlength=size).astype(np.float64)


def sequential(block: Block, do: Sequence[int], codes: Codes, counts: Array) -> Array:
    """Eq. (2) of Zaffalon et al.: the product over the component of ``P(v | w_V)``, as counted.

    ``w_V`` are the variable's predecessors in the component, and what they and it read.
    """
    found = np.ones(len(codes))
    for node, given in in_sequence(block, do):
        found *= _share(codes, counts, [*given, node]) / _share(codes, counts, given)
    return found


def in_sequence(block: Block, do: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """The component's variables that nobody sets, each with its ``w_V`` of eq. (2)."""
    before: set[int] = set()
    for mechanism in block.component.mechanisms:
        if mechanism.node in do:
            continue
        yield mechanism.node, sorted((before | set(mechanism.parents)) - {mechanism.node})
        before |= {mechanism.node, *mechanism.parents}


def _share(codes: Codes, counts: Array, columns: list[int]) -> Array:
    if not columns:
        return np.full(len(codes), counts.sum())
    _, owner = np.unique(codes[:, columns], axis=0, return_inverse=True)
    owner = owner.reshape(-1)
    return np.asarray(np.bincount(owner, counts)[owner])


def polynomial_of(quantity: Quantity, blocks: Sequence[Block]) -> Polynomial:
    """A quantity as a polynomial in the laws of the blocks' states."""
    home = {(node, block.given): at for at, block in enumerate(blocks) for node in block.component.nodes}
    terms = []
    for weight, scene in quantity.parts:
        if scene.impossible:
            continue
        homes = [home[copy.node, copy.given] for copy in scene.copies]
        terms.append(Term(weight, tuple(_factor(scene, at, blocks[at], homes) for at in sorted(set(homes)))))
    return Polynomial(tuple(terms), quantity.constant)


def _factor(scene: Scene, law: int, block: Block, homes: Sequence[int]) -> Factor:
    """Which states of a block show which values of the copies that it drives and reads."""
    place = {one.node: at for at, one in enumerate(block.component.mechanisms)}
    own = [at for at, home in enumerate(homes) if home == law]
    touched = {*own, *(read for at in own for read in scene.copies[at].reads if isinstance(read, int))}
    labels = tuple(sorted(at for at in touched if scene.copies[at].value is None))
    shape = tuple(block.sizes[scene.copies[at].node] for at in labels)
    entries = math.prod(shape)
    check_size(entries, block.states, "joint values of the question")
    grid = dict(zip(labels, np.indices(shape).reshape(len(labels), entries), strict=True))

    def codes(slot: int | Fixed) -> Codes:
        if isinstance(slot, Fixed):
            return np.full(entries, slot.code)
        held = scene.copies[slot].value
        return grid[slot] if held is None else np.full(entries, held)

    shows = np.ones((block.states, entries), dtype=bool)
    for at in own:
        copy = scene.copies[at]
        mechanism = block.component.mechanisms[place[copy.node]]
        flat = np.zeros(entries, dtype=np.int64)
        for parent, read in zip(mechanism.parents, copy.reads, strict=True):
            flat = flat * block.sizes[parent] + codes(read)
        shows &= block.answers[place[copy.node]][:, flat] == codes(at)
    return Factor(law, labels, shows.astype(np.float64).reshape(block.states, *shape))
