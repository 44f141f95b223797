"""What an analyst adds to a question beside its graph: a parametric form and its priors, as plain values.

No text states them; an example of the gallery, or a caller in Python, hands them to the method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Gaussian(NamedTuple):
    """A normal prior."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class InterferencePriors:
    """Priors of the hierarchical model of Weinstein and Blei (JMLR 27(37) 2026), Appendix L.2.

    Its symbols stand in brackets.

    Parameters
    ----------
    share_logit
        [κ_A] Logit of the shares' mean.
    share_precision
        [ζ_A] The shares' Beta precision is log(1 + exp(·)) of it.
    size_mean, size_sd
        [κ_S, ζ_S] Normal, and scale of a half-Cauchy.
    interferer_slopes, interferer_intercept, interferer_sd
        [α_C, β_C, ζ_C] The line of C: one slope for each feature of the form, intercept, and
        scale of a half-Cauchy.
    effect_of_interferer, effect_slopes, effect_intercept, effect_sd
        [α_Y, β_Y, ω_Y, τ] The line of the effect: coefficient of C, one slope for each feature,
        intercept, and scale of a half-Cauchy.
    """

    share_logit: Gaussian
    share_precision: Gaussian
    size_mean: Gaussian
    size_sd: float
    interferer_slopes: tuple[Gaussian, ...]
    interferer_intercept: Gaussian
    interferer_sd: float
    effect_of_interferer: Gaussian
    effect_slopes: tuple[Gaussian, ...]
    effect_intercept: Gaussian
    effect_sd: float


@dataclass(frozen=True, slots=True)
class InterferenceAnalysis:
    """How an effect under confounding and interference is modelled.

    Parameters
    ----------
    name
        What the Answer calls it.
    reads
        How the lines of the interferer and of the effect read the size and the share of a unit:
        through the ``"number treated"`` alone, or ``"size and share"`` each for itself.
    values
        What size and interferer can be: ``"counts"`` (positive, the interferer at most the size),
        or ``"any number"``.
    priors
        One for each coefficient.
    """

    name: str
    reads: Literal["number treated", "size and share"]
    values: Literal["counts", "any number"]
    priors: InterferencePriors
