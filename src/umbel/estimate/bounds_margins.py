"""What single events of a joint one allow: Fréchet's bounds, for questions that are too large to certify.

A joint event in several worlds is no more probable than each of its events, and no less than their sum
beyond the number of events less one (Fréchet, "Généralisation du théorème des probabilités totales",
Fundamenta Mathematicae 25, 1935). A single event reads fewer laws, and often none that is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from umbel.estimate.bounds_arrays import Block, polynomial_of
from umbel.model.programme import Quantity, Scene
from umbel.numerics.multilinear import Polynomial

Margins = tuple[tuple[float, tuple[Polynomial, ...]], ...]
"""Per term of a question: its weight, and the probabilities of its single events."""


def margins(quantity: Quantity, blocks: Sequence[Block]) -> Margins:
    """The single events of every scene, as polynomials; none where covariates split the model by their values."""
    if any(copy.given for _, scene in quantity.parts for copy in scene.copies):
        return ()
    found = []
    for weight, scene in quantity.parts:
        if scene.impossible:
            continue
        single = [_alone(scene, at) for at, copy in enumerate(scene.copies) if copy.value is not None]
        found.append((weight, tuple(polynomial_of(Quantity(((1.0, one),)), blocks) for one in single)))
    return tuple(found)


def _alone(scene: Scene, event: int) -> Scene:
    """The copies that decide one event, the others' values summed over."""
    needed = {event}
    for at in range(len(scene.copies) - 1, -1, -1):
        if at in needed:
            needed |= {read for read in scene.copies[at].reads if isinstance(read, int)}
    order = sorted(needed)
    place = {at: new for new, at in enumerate(order)}
    copies = []
    for at in order:
        one = scene.copies[at]
        reads = tuple(place[read] if isinstance(read, int) else read for read in one.reads)
        copies.append(replace(one, reads=reads, value=one.value if at == event else None))
    return Scene(tuple(copies))
