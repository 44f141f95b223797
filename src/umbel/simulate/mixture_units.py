"""Schools of hidden kinds: tutoring acts through a climate that the school's kind confounds.

The model behind "kinds of units". A kind ``U`` drives the share of tutored pupils ``Q^a``, the
school's climate ``Z`` (which follows the share), and scores; one covariate of a pupil depends on
the kind alone. Neither adjusting for the climate nor fixed effects of schools gives the effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Schools:
    """A sample of schools, one entry per school.

    Parameters
    ----------
    share
        Share of tutored pupils among those that were seen.
    climate
        0 or 1.
    scores
        Shape (schools, 2): mean score of the untutored and of the tutored; NaN where there are none.
    covariate
        How many of ``asked`` other pupils have X = 1.
    asked
        Pupils whose covariate was asked.
    kind
        What nobody sees.
    """

    share: Array
    climate: Codes
    scores: Array
    covariate: Codes
    asked: int
    kind: Codes


@dataclass(frozen=True, slots=True, eq=False)
class KindsOfSchools:
    """The model, with finitely many shares.

    Parameters
    ----------
    kinds
        P(U), shape (k,).
    shares
        The atoms of ``Q^a``, shape (atoms,).
    share_given_kind
        P(Q^a | U), shape (k, atoms).
    climate
        P(Z=1 | U, Q^a), shape (k, atoms).
    covariate
        P(X=1 | U), shape (k,).

    Examples
    --------
    >>> model = KindsOfSchools()
    >>> round(model.effect(0.8, 0.2), 4), round(model.naive(0.8, 0.2), 4), round(model.fixed_effects(0.8, 0.2), 4)
    (0.183, 0.3372, 0.09)
    """

    kinds: tuple[float, ...] = (0.6, 0.4)
    shares: tuple[float, ...] = (0.2, 0.5, 0.8)
    share_given_kind: tuple[tuple[float, ...], ...] = ((0.55, 0.3, 0.15), (0.15, 0.3, 0.55))
    climate: tuple[tuple[float, ...], ...] = ((0.2, 0.4, 0.6), (0.5, 0.7, 0.85))
    covariate: tuple[float, ...] = (0.3, 0.7)

    @property
    def score(self) -> Array:
        """P(Y=1 | U, Z, A), shape (k, 2, 2)."""
        u, z, a = np.ogrid[: len(self.kinds), :2, :2]
        return np.asarray(0.15 + 0.15 * a + 0.3 * z * (1 - 0.5 * u) + 0.3 * u)

    @property
    def joint(self) -> Array:
        """P(U, Q^a, Z), shape (k, atoms, 2)."""
        one = np.array(self.climate)
        both = np.stack([1 - one, one], axis=-1)
        return np.asarray(np.array(self.kinds)[:, None, None] * np.array(self.share_given_kind)[:, :, None] * both)

    def mean(self, share: float) -> float:
        """E[Y | do(A ~ Bernoulli(share))], for an atom of the shares."""
        at = self.shares.index(share)
        one = np.array(self.climate)[:, at]
        climate = np.stack([1 - one, one], axis=-1)
        score = self.score @ np.array([1 - share, share])
        return float(np.array(self.kinds) @ (climate * score).sum(1))

    def effect(self, high: float, low: float) -> float:
        """The contrast of two shares."""
        return self.mean(high) - self.mean(low)

    def _given(self, share: float, kept: float) -> float:
        """Mean of ``m(kept, K)`` among schools whose share is ``share``."""
        law = self.joint[:, self.shares.index(share)]
        return float((law * (self.score @ np.array([1 - kept, kept]))).sum() / law.sum())

    def naive(self, high: float, low: float) -> float:
        """Schools compared as they are."""
        return self._given(high, high) - self._given(low, low)

    def fixed_effects(self, high: float, low: float) -> float:
        """Pupils compared within schools, the climate kept."""
        return float((self.joint.sum(1)[:, :] * (self.score[:, :, 1] - self.score[:, :, 0])).sum() * (high - low))

    def sample(
        self, schools: int, *, rng: np.random.Generator, pupils: int = 200, asked: int = 1, impurity: float = 0.0
    ) -> Schools:
        """Schools with unit noise of .1 in their scores, clipped to [0, 1].

        Parameters
        ----------
        schools, pupils
            Their numbers.
        asked
            Other pupils whose covariate is asked.
        impurity
            Correlation of the covariate within a school beyond its kind; 0: kinds are pure.
        """
        joint = self.joint
        cell = rng.choice(joint.size, size=schools, p=joint.ravel())
        u, q, z = np.unravel_index(cell, joint.shape)
        atom = np.array(self.shares)[q]
        noise = rng.uniform(-0.1, 0.1, size=schools)
        chance = np.clip(self.score[u, z] + noise[:, None], 0.0, 1.0)  # (schools, 2)
        treated = rng.binomial(pupils, atom)
        counts = np.stack([pupils - treated, treated], axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = rng.binomial(counts, chance) / counts
        one = np.array(self.covariate)[u]
        if impurity > 0:
            size = 1 / impurity - 1
            one = rng.beta(one * size, (1 - one) * size)
        return Schools(
            treated / pupils, z.astype(np.int64), scores, rng.binomial(asked, one), asked, u.astype(np.int64)
        )
