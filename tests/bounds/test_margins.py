"""Bounds from single events: Fréchet's closed form, and valid ends when there is no time to certify."""

from __future__ import annotations

import numpy as np
import pytest

from umbel.estimate.bounds import bound
from umbel.estimate.bounds_arrays import blocks_of, polynomial_of
from umbel.estimate.bounds_found import BoundsFound, BoundsMethod
from umbel.estimate.bounds_margins import margins
from umbel.graph.mixed import Graph
from umbel.identification.bounds import programmes
from umbel.model.query import Question
from umbel.numerics.multilinear import value
from umbel.simulate.boolean import random_boolean

ROUNDING = 1e-12


def test_single_events_are_the_question_s_margins() -> None:
    ((_, programme),) = programmes(Graph.parse("A -> M -> Y; A <-> Y; A -> Y"), Question.parse("PNS(A, Y)"), {})
    blocks = blocks_of(programme)
    rng = np.random.default_rng(0)
    laws = [rng.dirichlet(np.ones(block.states)) for block in blocks]
    ((weight, events),) = margins(programme.numerator, blocks)
    wanted = []
    for text in ("P(Y[A=1]=1)", "P(Y[A=0]=0)"):
        ((_, single),) = programmes(Graph.parse("A -> M -> Y; A <-> Y; A -> Y"), Question.parse(text), {}, whole=True)
        whole = blocks_of(single)
        place = {block.component.nodes: law for block, law in zip(blocks, laws, strict=True)}
        uniform = [np.full(block.states, 1 / block.states) for block in whole]
        at = [place.get(block.component.nodes, even) for block, even in zip(whole, uniform, strict=True)]
        wanted.append(value(polynomial_of(single.numerator, whole), at))
    assert weight == 1.0
    assert sorted(value(one, laws) for one in events) == pytest.approx(sorted(wanted), abs=ROUNDING)


@pytest.mark.parametrize("seed", [5, 10, 21, 29])
def test_no_time_leaves_valid_ends(seed: int) -> None:
    model = random_boolean(7, rng=np.random.default_rng(seed))
    programme, studies = model.programme(), list(model.studies())
    hurried, patient = (
        bound(programme, studies, rng=np.random.default_rng(0), method=BoundsMethod(seconds=seconds))
        for seconds in (0.0, 10.0)
    )
    assert isinstance(hurried, BoundsFound) and isinstance(patient, BoundsFound)
    low, high = hurried.bounds.lower, hurried.bounds.upper
    assert low is not None and high is not None
    assert patient.bounds.lower is not None and patient.bounds.upper is not None
    assert 0.0 <= low <= patient.bounds.lower + 1e-6
    assert patient.bounds.upper - 1e-6 <= high <= 1.0
    assert low - 1e-6 <= model.truth() <= high + 1e-6
