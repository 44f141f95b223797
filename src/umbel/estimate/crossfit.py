"""Cross-fitting: every row is scored by nuisances that were learnt without it.

(Chernozhukov et al., The Econometrics Journal 21(1) 2018.) Scores are computed on nodes that
remember what they were made from, so that the influence of learning itself can be added: a
doubly robust estimate stays right when one nuisance is wrong, but its error then depends, to
first order, on how the other was learnt (Vermeulen and Vansteelandt, JASA 110(511) 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import Rows
from umbel.errors import InputError, shown
from umbel.estimate.features import features_of
from umbel.estimate.learners import Fitted, Learner, learnt
from umbel.estimate.ridge import Linear, Logistic
from umbel.numerics.adjoint import Node, Pull, gradients, leaf
from umbel.numerics.tensors import Tensor

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

BLOCKS = 2
"""Parts of a fold's scored rows by which the influence of learning is told from noise."""

ROW = "row"
"""The label of the axis of rows."""


def per_row(values: Array | Mask) -> Node:
    """A given value per row."""
    return leaf((ROW,), values.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Learners:
    """What nuisances are learnt by.

    Parameters
    ----------
    outcome
        Means of outcomes given covariates; None: :class:`Logistic` for events, :class:`Linear`
        for numbers.
    treatment
        Probabilities of treatments given covariates; None: :class:`Logistic` (for a continuous
        treatment's mean :class:`Linear`).
    folds
        Number of folds.
    """

    outcome: Learner | None = None
    treatment: Learner | None = None
    folds: int = 5

    def words(self, doses: bool = False) -> str:
        """What an Answer says of them; ``doses``: treatments are numbers, whose means are learnt."""
        outcome = "ridge regressions" if self.outcome is None else _said(self.outcome)
        plain = "ridge regressions" if doses else "ridge logistic regressions"
        treatment = plain if self.treatment is None else _said(self.treatment)
        return f"outcomes are learnt by {outcome}, treatments by {treatment}"

    def doubt(self) -> str:
        """What the interval leaves out; empty where it leaves out nothing."""
        given = [one for one in (self.outcome, self.treatment) if one is not None and not _tells(one)]
        names = " and ".join(dict.fromkeys(map(_said, given)))
        left = "The interval takes both nuisances as well learnt: what learning them by {} adds to it is not counted."
        return left.format(names) if given else ""


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """A nuisance that was learnt: its predictions, and how they lean on the targets of training rows.

    Parameters
    ----------
    place
        Which nuisance it is, the same in every fold.
    node
        Predictions at every row.
    target
        What was learnt, at every row.
    rows
        Training rows.
    pull
        From the gradient of a number by the predictions to its gradient by the targets.
    """

    place: Hashable
    node: Node
    target: Node
    rows: Codes
    pull: Pull

    def influence(self, gradient: Array) -> Array:
        """What each row's own surprise adds to a number with this gradient, shape (rows,)."""
        (lean,) = self.pull(gradient)
        left = self.target.tensor.array - self.node.tensor.array
        result = np.zeros(len(lean))
        result[self.rows] = lean[self.rows] * left[self.rows]
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One fold: models are learnt from ``train`` rows and asked about all rows.

    Equal requests are learnt once: ``known`` keeps what was learnt, by its key, ``models`` in
    order; ``stuck`` counts the models that did not converge.
    """

    rows: Rows
    train: Mask
    learners: Learners
    rng: np.random.Generator
    known: dict[Hashable, Node] = field(default_factory=dict)
    models: list[Learnt] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    def mean(self, key: Hashable, target: Node, names: Sequence[str], among: Mask, *, behind: bool = False) -> Node:
        """Mean of a target given variables, learnt among some rows, at every row.

        ``key`` names the target and the rows; ``behind`` says that the target was learnt itself.
        NaN where no training row is among them.
        """
        place = (key, tuple(names), "mean")
        if place not in self.known:
            events = bool(np.isin(target.tensor.array[self.train & among], (0.0, 1.0)).all())
            learner: Learner = Logistic() if events else Linear()
            learner = learner if self.learners.outcome is None else self.learners.outcome
            if not events and behind and hasattr(learner, "predict_proba"):
                learner = Linear()  # a mean of what was learnt is a share: no business of a classifier
            _regressor(learner, events)
            self.known[place] = self._learnt(place, learner, target, names, among, events)
        return self.known[place]

    def chance(self, key: Hashable, event: Mask, names: Sequence[str], among: Mask) -> Node:
        """Probability of an event given variables, learnt among some rows, at every row."""
        place = (key, tuple(names), "chance")
        if place not in self.known:
            learner = Logistic() if self.learners.treatment is None else self.learners.treatment
            self.known[place] = self._learnt(place, learner, per_row(event), names, among, True)
        return self.known[place]

    def centre(self, key: Hashable, target: Node, names: Sequence[str]) -> Node:
        """Mean of a continuous treatment (or its square) given variables, at every row."""
        place = (key, tuple(names), "centre")
        if place not in self.known:
            every = np.ones(self.rows.size, dtype=bool)
            learner = Linear() if self.learners.treatment is None else self.learners.treatment
            _regressor(learner, False)
            self.known[place] = self._learnt(place, learner, target, names, every, False)
        return self.known[place]

    def influences(self, scores: Node, scored: Mask) -> Iterator[tuple[Hashable, Array]]:
        """What each model's rows add to the mean of the scores of some rows, shapes (rows,)."""
        mass = self.rows.sample.mass
        top = Node(
            Tensor((), np.asarray((mass * scores.tensor.array)[scored].sum())),
            (scores,),
            lambda gradient: (np.where(scored, mass * gradient, 0.0),),
        )
        found = gradients(top)
        for model in self.models:
            if model.node in found:
                yield model.place, model.influence(found[model.node]) / mass

    def _learnt(
        self, place: Hashable, learner: Learner, target: Node, names: Sequence[str], among: Mask, events: bool
    ) -> Node:
        rows = np.flatnonzero(self.train & among)
        if len(rows) == 0:
            return per_row(np.full(self.rows.size, np.nan))
        sample, values = self.rows.sample, target.tensor.array[rows]
        weights = sample.counts[rows] * sample.weights[rows]
        weights = weights * (sample.counts[rows].sum() / weights.sum())  # as many as there are observations
        if not names or (values == values[0]).all():
            mass = weights / weights.sum()
            found = np.full(self.rows.size, mass @ values)
            return self._kept(place, target, rows, found, lambda gradient: mass * gradient.sum())
        features = features_of(self.rows, names)
        fit: Fitted = learnt(learner, features[rows], values, weights=weights, rng=self.rng, probability=events)
        if not getattr(fit.model, "converged", True):
            self.stuck.append(type(learner).__name__)
        found = np.clip(fit(features), 0.0, 1.0) if events else fit(features)
        lean = getattr(fit.model, "sensitivity", None)
        return self._kept(
            place, target, rows, found, None if lean is None else lambda gradient: lean(features, gradient)
        )

    def _kept(
        self, place: Hashable, target: Node, rows: Codes, found: Array, lean: Callable[[Array], Array] | None
    ) -> Node:
        def pull(gradient: Array) -> tuple[Array, ...]:
            result = np.zeros(len(found))
            if lean is not None:
                result[rows] = lean(np.nan_to_num(gradient))
            return (result,)

        behind = any(target is model.node for model in self.models)  # else nothing learnt lies behind it
        node = Node(Tensor((ROW,), found), (target,), pull) if behind else Node(Tensor((ROW,), found))
        self.models.append(Learnt(place, node, target, rows, pull))
        return node


@dataclass(frozen=True, slots=True, eq=False)
class Learning:
    """The influence of learning on one average, gathered over folds, model by model.

    It is zero, to first order, where all nuisances are right, and then its estimate is noise that
    would widen intervals for nothing. Each model's part is therefore shrunk until its variance is
    what is left when the variance of its own noise is taken off, which blocks of scored rows tell.
    """

    mass: Array
    parts: dict[Hashable, Array] = field(default_factory=dict)
    energy: dict[Hashable, float] = field(default_factory=dict)
    blocks: list[int] = field(default_factory=list)

    def add(self, fold: Fold, scores: Node, scored: Mask) -> None:
        """Gather what one fold's models add to the scores of its rows."""
        places = np.flatnonzero(scored)
        for start in range(BLOCKS):
            block = np.zeros(len(scored), dtype=bool)
            block[places[start::BLOCKS]] = True
            self.blocks.append(1)
            for place, part in fold.influences(scores, block):
                self.parts[place] = self.parts.get(place, 0.0) + part
                self.energy[place] = self.energy.get(place, 0.0) + float(self.mass @ part**2)

    def total(self) -> Array:
        """The influence of learning on each row, shape (rows,), of mean zero."""
        result = np.zeros(len(self.mass))
        blocks = len(self.blocks)
        for place, part in self.parts.items():
            size = float(self.mass @ part**2)
            noise = (self.energy[place] - size / blocks) * blocks / (blocks - 1)
            if size > noise:
                result += np.sqrt(1.0 - noise / size) * part
        return result - self.mass @ result


def _said(learner: Learner) -> str:
    """A learner's words for itself, or its class."""
    return str(getattr(learner, "words", type(learner).__name__))


def _tells(learner: Learner) -> bool:
    """Whether a learner may say how its predictions lean on its targets."""
    return isinstance(learner, Linear | Logistic)


def _regressor(learner: Learner, events: bool) -> None:
    if not events and hasattr(learner, "predict_proba"):
        raise InputError(
            f"{shown(type(learner).__name__)} is a classifier, and what it must learn is a number. Give a regressor."
        )


def folds_of(rows: Rows, fold: Codes, learners: Learners, rng: np.random.Generator) -> Iterator[tuple[Fold, Mask]]:
    """Every fold with the rows that it scores; a single fold is scored by what it teaches itself."""
    several = bool(fold.max() > 0)
    for number in range(int(fold.max()) + 1):
        yield Fold(rows, fold != number if several else fold == number, learners, rng), fold == number
