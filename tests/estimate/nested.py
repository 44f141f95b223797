"""What tests of nested estimates share: targets from texts, studies from draws, numbers from answers."""

from __future__ import annotations

import numpy as np

import umbel
from umbel.data.study import Study
from umbel.estimate.estimator import Estimated, Target
from umbel.estimate.models import PAPER
from umbel.estimate.units import UnitsPlugIn
from umbel.results.step import Refusal
from umbel.simulate.motifs import Draw
from umbel.variable import Domain

HARD = "E[Y | do(A=1)] - E[Y | do(A=0)]"
SOFT = "E[Y | do(A ~ Bernoulli(0.75))] - E[Y | do(A ~ Bernoulli(0.25))]"
DEEP = "plate class { plate pupil { A Y } }; latent U; U -> { A Y }; A -> Y"
FAST = UnitsPlugIn(draws=2)
PAPERS = UnitsPlugIn(draws=2, models=PAPER)


def target(graph: str, question: str, **domains: Domain) -> Target:
    verdict = umbel.identify(graph, question)
    assert verdict.identified
    one = verdict.estimand
    return Target(question, one.body, domains, one.axes, one.requirements())


def study(draw: Draw) -> Study:
    units = {"unit": np.arange(len(next(iter(draw.members.values())))), **draw.units}
    return Study(draw.rows(), units=units if draw.units else None, unit="unit")


def number(found: Estimated | Refusal) -> float:
    assert isinstance(found, Estimated), found
    assert found.estimate.value is not None
    return found.estimate.value


def solved(graph: str, question: str, at: Study, method: UnitsPlugIn = FAST) -> float:
    return number(method.estimate(target(graph, question), at, rng=np.random.default_rng(0)))
