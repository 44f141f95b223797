"""Do the studies agree with the model, and with each other? Definition 2 of Zaffalon et al. (2023).

On a population's table the answer is exact: some law meets every condition, or none does. On
samples, exact equality fails for most data that the model made; there the likelihood ratio
between the observed conditional laws and the best law of the model is compared with its parametric
bootstrap (Corollary 6 as a test), per component and per pair of studies.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from umbel.estimate.bounds_arrays import Block, Codes, Patterns, Records, StudyView, patterns_of
from umbel.numerics.interior import likeliest

Array = NDArray[np.float64]

FIRST, ALL = 99, 999
DOUBT = 0.05
REJECT = 0.01
CLEAR = 1e-4
"""Upper bound of a p-value below which no bootstrap is needed."""
EXACT = 1e-7
"""Log likelihood per record by which a population's table may miss the model through rounding."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One test.

    Parameters
    ----------
    component
        Position of the component.
    studies
        Positions of the studies.
    ratio
        ``2 (LL_saturated - LL_model)``.
    p
        Bootstrap p-value, or an upper bound of it where that is clear enough; 0 or 1 for populations.
    """

    component: int
    studies: tuple[int, ...]
    ratio: float
    p: float


def likelihood_ratio(patterns: Patterns) -> tuple[float, Array]:
    """``2 (LL_saturated - LL_model)`` of a component, and the model's best law."""
    best = likeliest(patterns.rows, patterns.counts)
    saturated = sum(float(view.counts @ np.log(view.saturated)) for view in patterns.studies)
    return max(2.0 * (saturated - best.value), 0.0), best.law


def impossible(patterns: Patterns) -> Codes | None:
    """A record that no state can produce; None where each can be."""
    never = (patterns.rows.max(axis=1, initial=0.0) == 0) & (patterns.counts > 0)
    return patterns.records[int(never.argmax())] if never.any() else None


def disagreements(
    blocks: Sequence[Block], studies: Sequence[Records], *, rng: np.random.Generator, most: int = ALL
) -> tuple[Disagreement, ...]:
    """Every component by all studies; where that leaves doubt, by each study and each pair too.

    Parameters
    ----------
    blocks, studies
        Complete records.
    rng
        Source of the bootstrap.
    most
        Bootstrap samples at most; 99 are drawn first, the others where the first leave doubt.
    """
    found = []
    everyone = tuple(range(len(studies)))
    for at, settings in _components(blocks).items():
        whole = _test(at, settings, studies, everyone, rng, most)
        found.append(whole)
        if whole.p < DOUBT and len(studies) > 1:
            groups = itertools.chain(itertools.combinations(everyone, 1), itertools.combinations(everyone, 2))
            found += [_test(at, settings, studies, some, rng, most) for some in groups if some != everyone]
    return tuple(found)


def _components(blocks: Sequence[Block]) -> dict[int, list[Block]]:
    """Blocks by component: one that has a law for each setting of its covariates is tested as a whole."""
    first: dict[tuple[int, ...], int] = {}
    found: dict[int, list[Block]] = {}
    for at, block in enumerate(blocks):
        found.setdefault(first.setdefault(block.component.nodes, at), []).append(block)
    return found


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given.

    Examples
    --------
    >>> holm([0.01, 0.04])
    [0.02, 0.04]
    """
    order = sorted(range(len(p)), key=lambda at: p[at])
    found, worst = [0.0] * len(p), 0.0
    for rank, at in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - rank) * p[at]))
        found[at] = worst
    return found


def _test(
    at: int,
    settings: Sequence[Block],
    studies: Sequence[Records],
    some: tuple[int, ...],
    rng: np.random.Generator,
    most: int,
) -> Disagreement:
    own = [studies[study] for study in some]
    parts = [(block, patterns) for block in settings if (patterns := patterns_of(block, own)).studies]
    if not parts:
        return Disagreement(at, some, 0.0, 1.0)
    fitted = [likelihood_ratio(patterns) for _, patterns in parts]
    ratio = sum(one for one, _ in fitted)
    total = sum(one.total for one in own)
    if ratio <= EXACT * max(total, 1.0):
        return Disagreement(at, some, ratio, 1.0)
    if all(one.population for one in own):
        return Disagreement(at, some, ratio, 0.0)
    # The ratio is never larger in law than with as many free probabilities as there are patterns.
    above = float(chi2.sf(ratio, sum(len(view.counts) for _, patterns in parts for view in patterns.studies)))
    if above < CLEAR:
        return Disagreement(at, some, ratio, above)
    makers = [
        (block, [_Maker.of(block, own[view.study], patterns, view, law) for view in patterns.studies])
        for (block, patterns), (_, law) in zip(parts, fitted, strict=True)
    ]
    return Disagreement(at, some, ratio, _bootstrap(makers, ratio, rng, most))


def _bootstrap(
    makers: Sequence[tuple[Block, list[_Maker]]], ratio: float, rng: np.random.Generator, most: int
) -> float:
    """The share of samples from the fitted model whose ratio is as large."""
    exceeded = drawn = 0
    for sample in range(most):
        if sample == FIRST and exceeded > DOUBT * FIRST * 2:
            break
        again = 0.0
        for block, ones in makers:
            again += likelihood_ratio(patterns_of(block, [maker.draw(rng) for maker in ones]))[0]
        exceeded += again >= ratio
        drawn += 1
    return (1 + exceeded) / (1 + drawn)


@dataclass(frozen=True, slots=True, eq=False)
class _Maker:
    """Draws a study's records of one component from the fitted law, what it reads as observed."""

    codes: Codes
    chances: Array
    do: tuple[int, ...]
    size: int
    name: str

    @staticmethod
    def of(block: Block, study: Records, patterns: Patterns, view: StudyView, law: Array) -> _Maker:
        codes = patterns.records[view.patterns]
        own = block.active(study.do)
        outside = [node for node in block.reads(study.do) if node not in own]
        share = view.counts / view.counts.sum()
        if all(node < min(own) for node in outside):  # causes of the component alone: every value of it
            contexts, owner = np.unique(codes[:, outside], axis=0, return_inverse=True)
            weight = np.bincount(owner.reshape(-1), share, minlength=len(contexts))
            values = np.array(list(itertools.product(*(range(block.sizes[node]) for node in own))))
            full = np.full((len(contexts) * len(values), codes.shape[1]), -1, dtype=np.int64)
            full[:, outside] = np.repeat(contexts, len(values), axis=0)
            full[:, list(own)] = np.tile(values, (len(contexts), 1))
            for node, code in block.given:
                full[:, node] = code
            chances = np.repeat(weight, len(values)) * (block.agrees(full, study.do) @ law)
        else:  # other variables lie between: the seen records, reweighted from observed to fitted
            full, chances = codes, share * (patterns.rows[view.patterns] @ law) / view.saturated
        chances = np.maximum(chances, 0.0)
        return _Maker(full, chances / chances.sum(), study.do, round(float(view.counts.sum())), study.name)

    def draw(self, rng: np.random.Generator) -> Records:
        """One sample of the study's size."""
        counts = rng.multinomial(self.size, self.chances).astype(np.float64)
        kept = counts > 0
        return Records(self.codes[kept], counts[kept], self.do, self.name)
