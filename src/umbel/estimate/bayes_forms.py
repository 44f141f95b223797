"""Parametric forms and priors for an effect under confounding and interference.

Weinstein and Blei (JMLR 27(37) 2026, Section 7.3 and Appendix L.2): units publish an effect with
its standard error, the share of their members that was treated, their size S and an interferer C
(a class size). The graph leaves the laws of C and of the effect open; a *form* says how they read
S and the share, a *support* which values S and C can take, and the *priors* how large each
coefficient may be. All three are choices of the analyst, so they are values, with a name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from umbel.errors import DataError
from umbel.estimate.bayes_draws import Array, read_only
from umbel.model.priors import Gaussian, InterferenceAnalysis, InterferencePriors
from umbel.numerics.hierarchy import default_scales

WEAK = 2.5
"""Prior standard deviations in units of what the data span: coefficients beyond it are surprising."""


@dataclass(frozen=True, slots=True)
class TreatedCount:
    """C and the effect read S and the share only through their product, the number treated.

    Appendix L.2 assumes it of the eight schools: a class grows with the pupils who join it.

    Examples
    --------
    >>> TreatedCount().features(np.array([50.0, 80.0]), np.array([0.5, 0.25])).tolist()
    [[25.0], [20.0]]
    """

    name: str = "number treated"

    def features(self, size: Array, share: Array | float) -> Array:
        """What the lines read, shape (..., 1)."""
        return np.asarray((size * share)[..., None], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class SizeAndShare:
    """C and the effect are linear in S and in the share, each for itself.

    Examples
    --------
    >>> SizeAndShare().features(np.array([50.0, 80.0]), 0.5).tolist()
    [[50.0, 0.5], [80.0, 0.5]]
    """

    name: str = "size and share"

    def features(self, size: Array, share: Array | float) -> Array:
        """What the lines read, shape (..., 2)."""
        return np.stack(np.broadcast_arrays(size, share), axis=-1).astype(np.float64)


Form = TreatedCount | SizeAndShare
"""A form is linear in the share: the average over shares is the value at their mean."""


@dataclass(frozen=True, slots=True)
class Counts:
    """S and C count people: what is not positive becomes 1, and C is at most its own S (Appendix L.2)."""

    lowest: float = 0.0

    def size(self, size: Array) -> Array:
        """Sizes that can be."""
        return np.where(size <= 0.0, 1.0, size)

    def interferer(self, interferer: Array, size: Array) -> Array:
        """Interferers that can be in units of such sizes."""
        return np.minimum(np.where(interferer <= 0.0, 1.0, interferer), size)

    def expected_interferer(self, mean: Array, sd: Array, size: Array) -> Array:
        """Mean of ``interferer`` of a Normal(mean, sd), in closed form.

        Examples
        --------
        >>> mean = Counts().expected_interferer(np.array(20.0), np.array(4.0), np.array(20.0))
        >>> round(float(mean), 4)  # half of it is cut at 20: 20 - 4 / √(2π)
        18.4042
        """
        low, high = -mean / sd, (size - mean) / sd
        inside = mean * (ndtr(high) - ndtr(low)) - sd * (_density(high) - _density(low))
        return np.asarray(np.minimum(1.0, size) * ndtr(low) + inside + size * ndtr(-high), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Unrestricted:
    """S and C are any numbers."""

    lowest: float = -math.inf

    def size(self, size: Array) -> Array:
        """Every size can be."""
        return size

    def interferer(self, interferer: Array, size: Array) -> Array:
        """Every interferer can be."""
        return interferer

    def expected_interferer(self, mean: Array, sd: Array, size: Array) -> Array:
        """The mean itself."""
        return mean


Support = Counts | Unrestricted


@dataclass(frozen=True, slots=True)
class InterferenceModel:
    """A form, a support and priors, under the name that the Answer reports."""

    name: str
    form: Form
    support: Support
    priors: InterferencePriors


def model_of(analysis: InterferenceAnalysis) -> InterferenceModel:
    """The model that an analysis names, with what its words mean."""
    form: Form = TreatedCount() if analysis.reads == "number treated" else SizeAndShare()
    support: Support = Counts() if analysis.values == "counts" else Unrestricted()
    return InterferenceModel(analysis.name, form, support, analysis.priors)


@dataclass(frozen=True, slots=True, eq=False)
class InterferenceData:
    """What the units publish.

    Parameters
    ----------
    effects, errors
        Estimated effects and their standard errors.
    shares
        Shares of members that were treated, strictly between 0 and 1.
    sizes, interferers
        S and C.

    Raises
    ------
    DataError
        When the arrays do not fit each other, or hold a value that the model gives probability 0.

    Notes
    -----
    All of shape (units,).
    """

    effects: Array
    errors: Array
    shares: Array
    sizes: Array
    interferers: Array

    def __post_init__(self) -> None:
        names = ("effects", "errors", "shares", "sizes", "interferers")
        for name in names:
            object.__setattr__(self, name, read_only(getattr(self, name)))
        shapes = {name: getattr(self, name).shape for name in names}
        if len(set(shapes.values())) > 1 or len(self.effects.shape) != 1 or not self.effects.size:
            listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise DataError(f"Units publish one value of each figure; the shapes are {listed}.")
        for name in names:
            values = getattr(self, name)
            _require(np.isfinite(values), name, values, "it must be finite")
        _require(self.errors > 0, "errors", self.errors, "standard errors are positive")
        _require(
            (self.shares > 0) & (self.shares < 1),
            "shares",
            self.shares,
            "a Beta law of shares needs treated and untreated members in every unit",
        )


def default_model(data: InterferenceData) -> InterferenceModel:
    """The form of a plain solve: linear in size and share, with weak priors from the data.

    Every prior is as wide as ``WEAK`` times what the data span, so that data in another measure
    gives the same answer in that measure. S and C may be any numbers. O(units).

    Parameters
    ----------
    data
        The units' figures.

    Examples
    --------
    >>> data = InterferenceData([3.0, 5.0, 4.0], [1.0, 1.0, 2.0], [0.2, 0.4, 0.5], [10.0, 30.0, 20.0], [5.0, 9.0, 4.0])
    >>> default_model(data).name, default_model(data).priors.size_mean
    ('linear in size and share', Gaussian(mean=20.0, sd=25.0))
    """
    form = SizeAndShare()
    features = form.features(data.sizes, data.shares)  # (units, 2)
    spans = [_span(column) for column in features.T]
    means = [float(column.mean()) for column in features.T]
    size_span, interferer_span = spans[0], _span(data.interferers)
    location, scale = default_scales(data.effects, data.errors)
    interferer_slopes = tuple(Gaussian(0.0, WEAK * interferer_span / span) for span in spans)
    effect_slopes = tuple(Gaussian(0.0, WEAK * scale / span) for span in spans)
    effect_of_interferer = Gaussian(0.0, WEAK * scale / interferer_span)
    interferer_mean = float(data.interferers.mean())
    return InterferenceModel(
        "linear in size and share",
        form,
        Unrestricted(),
        InterferencePriors(
            share_logit=Gaussian(0.0, WEAK),
            share_precision=Gaussian(0.0, 10.0),
            size_mean=Gaussian(means[0], WEAK * size_span),
            size_sd=size_span,
            interferer_slopes=interferer_slopes,
            interferer_intercept=Gaussian(
                interferer_mean, _intercept_sd(WEAK * interferer_span, interferer_slopes, means)
            ),
            interferer_sd=interferer_span,
            effect_of_interferer=effect_of_interferer,
            effect_slopes=effect_slopes,
            effect_intercept=Gaussian(
                0.0, _intercept_sd(location, (*effect_slopes, effect_of_interferer), [*means, interferer_mean])
            ),
            effect_sd=scale,
        ),
    )


def _intercept_sd(centred: float, slopes: tuple[Gaussian, ...], means: list[float]) -> float:
    """Width for the value at zero: the width at the middle of the data, carried along the slopes."""
    return math.hypot(centred, *(slope.sd * mean for slope, mean in zip(slopes, means, strict=True)))


def _span(values: Array) -> float:
    """Standard deviation; of values that are all equal, their size, so that a prior stays proper."""
    spread = float(values.std(ddof=1)) if values.size > 1 else 0.0
    return spread or abs(float(values[0])) or 1.0


def _density(z: Array) -> Array:
    return np.asarray(np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi), dtype=np.float64)


def _require(holds: np.ndarray, name: str, values: Array, why: str) -> None:
    if not holds.all():
        unit = int(np.argmin(holds))
        raise DataError(f"{name}[{unit}] is {values[unit]:g}: {why}.")
