"""Doubts about latent classes, each a Check: rank, strength of the proxies, roots, edges, fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from umbel.estimate.moments_data import ClassData
from umbel.estimate.moments_model import ClassFit
from umbel.expr.unmixing import Unmixing
from umbel.numerics.latent_em import posterior
from umbel.numerics.latent_inference import edges
from umbel.numerics.operators import STRENGTH, RankTest, eigen_classes
from umbel.numerics.sparse_cells import SaturatedTest
from umbel.results.check import Check, p_words
from umbel.results.step import Refusal

Array = NDArray[np.float64]

CONTRADICTED = 1e-3
"""p-value of the likelihood-ratio test below which class effects are refused."""
FAINT = 3.0
"""Least singular value in units of its noise below which they are refused if the rank test finds fewer classes too."""
LEVEL = 0.05
FEW_CLUSTERS = 20
"""Clusters below which errors are rough."""
SMALL = 0.01
"""Share of an arm in a class below which that class hardly shows the arm."""


def checks_of(data: ClassData, unmixing: Unmixing, rank: RankTest, found: ClassFit, classes: int) -> tuple[Check, ...]:
    """What a reader must know of a fit by likelihood."""
    checks = [*checks_of_rank(data, unmixing, rank, classes)]
    checks += [_roots(data, unmixing, found), _ended(found), _overlap(data, unmixing, found)]
    edge = edges(found.model, found.fit)
    if edge:
        advice = f"{edge} probabilities ended at 0: intervals hold them there and may be too short."
        checks.append(Check("edge", False, float(edge), advice))
    return tuple(checks)


def checks_of_rank(data: ClassData, unmixing: Unmixing, rank: RankTest, classes: int) -> tuple[Check, ...]:
    """How many classes the proxies show, and how far the last of them stands above noise in the weakest arm."""
    z, x = ", ".join(unmixing.z), ", ".join(unmixing.x)
    places = [f" where {unmixing.treatment} is {state!r}" for state in data.states[unmixing.treatment]]
    strength = strength_check(rank, classes, unmixing.latent, data.rows, "rows", places)
    return rank_check(rank, f"{z} and {x}", classes, _drawn(data)), strength


def _drawn(data: ClassData) -> str:
    """What is drawn as one, where it is no row."""
    if data.clusters is not None:
        number = int(data.clusters.max()) + 1
        return f"{number:,} cluster{'' if number == 1 else 's'} of rows"
    return "" if data.counted else "weighted rows"


def rank_check(test: RankTest, views: str, classes: int, drawn: str = "") -> Check:
    """Whether the number of classes that is used is the one that the views show.

    Parameters
    ----------
    test
        Of the views' dependence on each other.
    views
        Their names.
    classes
        The number that is used.
    drawn
        What the test takes for independent; empty for rows.
    """
    shown, most = test.classes(LEVEL), len(test.p_values) + 1
    tried = ", ".join(f"{k}: {p_words(p)}" for k, p in enumerate(test.p_values[: max(shown, classes)], start=1))
    about = f" Tests of each number against more: {tried}." if tried else ""
    if drawn:
        about += f" They take {drawn} for independent."
    if shown == classes:
        words = f"{views} show {shown} classes{', the most that they can' if shown == most else ''}."
        return Check("number of classes", True, float(shown), words + about)
    if shown > classes:
        if classes >= most:
            return Check("number of classes", True, float(classes), f"{views} cannot show more than {classes}.{about}")
        advice = (
            f"{views} depend on each other through more than {classes} classes "
            f"({p_words(test.p_values[classes - 1])}); declare more, or look for a link between them."
        )
    else:
        many = f"{shown} class{'' if shown == 1 else 'es'}"
        advice = f"{views} show {many}, not {classes}: the last is weakly identified."
    return Check("number of classes", False, float(shown), advice + about)


def strength_check(
    test: RankTest, classes: int, latent: str, size: float, entries: str, places: Sequence[str]
) -> Check:
    """The last class's singular value against its noise, and all of them arm by arm.

    Parameters
    ----------
    test, classes
        Of the views; the number that is used.
    latent
        The class.
    size, entries
        How many rows or units there are; which of the two.
    places
        For each arm, where that is: `` where T is 1``; empty for one arm.
    """
    index = min(classes, test.singular.shape[1]) - 1
    value, strength = float(test.singular[:, index].min()), test.strength(index + 1)
    told = "; ".join(f"{_listed(row[1:])}{place}" for row, place in zip(test.singular, places, strict=True))
    listed = f"Whitened singular values after the first, 1: {told}."
    if strength >= STRENGTH:
        return Check("strength of the proxies", True, value, f"Least whitened singular value {value:.3g}. {listed}")
    need = size * (STRENGTH / max(strength, 1e-6)) ** 2
    advice = (
        f"The least whitened singular value is {value:.3g}, {strength:.1f} times its noise: weakly identified. "
        f"Stronger proxies of {latent}, or about {need:.1g} {entries}, would do. {listed}"
    )
    return Check("strength of the proxies", False, value, advice)


def _listed(values: Array) -> str:
    """At most five singular values."""
    return ", ".join(f"{one:.2g}" for one in values[:5].tolist()) + (", …" if len(values) > 5 else "")


def few_clusters(data: ClassData) -> tuple[Check, ...]:
    """A doubt about errors that a handful of clusters gives."""
    if data.clusters is None:
        return ()
    number = int(data.clusters.max()) + 1
    few = f"{number} clusters tell little of the error: take the intervals as rough, and too short."
    return (Check("clusters", number >= FEW_CLUSTERS, float(number), few if number < FEW_CLUSTERS else ""),)


def refusal_of_one(data: ClassData, unmixing: Unmixing) -> Refusal:
    """Why no number of classes is found: one is all that the proxies show."""
    z, x, u = ", ".join(unmixing.z), ", ".join(unmixing.x), unmixing.latent
    if data.clusters is None:
        return Refusal(
            f"{z} and {x} show one class of {u}: they are independent within the values of {unmixing.treatment}.",
            f"Measure proxies that depend on each other through {u}.",
        )
    return Refusal(
        f"{z} and {x} show one class of {u}: what they have in common within the values of {unmixing.treatment} is no "
        f"more than {_drawn(data)} may show by chance.",
        f"Collect rows of more clusters, measure stronger proxies, or declare the number: classes {u} = 2.",
    )


def refusal_of_rank(unmixing: Unmixing, rank: RankTest, classes: int) -> Refusal | None:
    """Why class effects are not reported: the proxies do not show that many classes at all."""
    shown, strength = rank.classes(LEVEL), rank.strength(classes)
    if shown >= classes or strength >= FAINT:
        return None
    many = f"{shown} class{'' if shown == 1 else 'es'}"
    return Refusal(
        f"{', '.join(unmixing.z)} and {', '.join(unmixing.x)} show {many} of {unmixing.latent}, and {classes} are "
        f"declared: the last singular value is {strength:.1f} times its noise.",
        f"Declare {max(shown, 2)} classes, measure stronger proxies, or collect more rows.",
    )


def refusal_of_arm(data: ClassData, unmixing: Unmixing, rank: RankTest, classes: int) -> Refusal | None:
    """Why nothing is reported: one arm shows a class less than another does, so that some class is never in it."""
    if classes > rank.singular.shape[1]:
        return None
    faint, clear = [], []
    for arm, state in enumerate(data.states[unmixing.treatment]):
        if rank.arm_p_values[arm, classes - 2] >= LEVEL:
            faint.append(repr(state))
        elif rank.singular[arm, classes - 1] >= STRENGTH * rank.noise[arm, classes - 1]:
            clear.append(repr(state))
    if not faint or not clear:
        return None
    t, u = unmixing.treatment, unmixing.latent
    return Refusal(
        f"Where {t} is {', '.join(clear)} the proxies show {classes} classes of {u}, where it is {', '.join(faint)} "
        f"fewer: some class of {u} is never there, or too seldom for its effect to be seen.",
        f"Ask about values of {t} that every class has, or collect more rows where it is {', '.join(faint)}.",
    )


def _roots(data: ClassData, unmixing: Unmixing, found: ClassFit) -> Check:
    """Whether the moment estimator's own roots are numbers, and possible ones."""
    roots = eigen_classes(found.operators, treated=len(data.states[unmixing.treatment]) - 1)
    values = data.outcome if unmixing.event is None else np.array([0.0, 1.0])
    span = float(np.nanmax(values) - np.nanmin(values))
    told = f" Condition {found.operators.condition:.3g}."
    if found.diagonal is not None:
        told = f" Operators of the arms commute up to {found.diagonal.commutator:.2g} of their size.{told}"
    if not roots.real:
        words = "The moment equations have complex roots: likelihood alone gives the numbers."
        return Check("roots", False, None, words + told)
    if not roots.admissible(-span, span):
        words = "Roots of the moment equations lie outside what probabilities and effects can be: weakly identified."
        return Check("roots", False, float(np.abs(roots.effects.real).max()), words + told)
    return Check("roots", True, None, "Roots of the moment equations are possible numbers." + told)


def _ended(found: ClassFit) -> Check:
    score = float(found.fit.score)
    if not found.fit.converged:
        return Check("score", False, score, "The likelihood was still rising: treat the numbers as provisional.")
    return Check("score", True, score, f"The likelihood stands still: no slope per row above {score:.1g}.")


def _overlap(data: ClassData, unmixing: Unmixing, found: ClassFit) -> Check:
    """The least share of an arm within a class."""
    weights, _ = posterior(found.model, found.fit.prior, found.fit.values)
    mass = weights * found.model.weights[:, None]
    arms = len(data.states[unmixing.treatment])
    code = data.codes[unmixing.treatment]
    shares = np.stack([np.bincount(code, mass[:, u], arms) for u in range(found.model.classes)])
    least = float((shares / shares.sum(1, keepdims=True)).min())
    name = f"every class of {unmixing.latent} at each value of {unmixing.treatment}"
    advice = f"Least share {least:.2g}."
    if least < SMALL:
        advice += " Effects in a class that hardly shows an arm rest on few rows."
    return Check(name, least >= SMALL, least, advice)


def fit_check(test: SaturatedTest, unmixing: Unmixing) -> Check:
    """The model against the saturated law, in words."""
    passed = test.p_value >= LEVEL
    advice = f"Likelihood ratio {test.statistic:.1f} on {test.freedom} degrees of freedom, {p_words(test.p_value)}."
    if test.design != 1.0:
        advice += f" It is divided by {test.design:.2g}, the design effect of what is drawn together; p knows how many."
    if not passed:
        advice += f" Some independence given {unmixing.latent} may fail."
    return Check("fit", passed, test.p_value, advice)


def refusal_of_fit(unmixing: Unmixing, test: SaturatedTest, classes: int) -> Refusal:
    """The refusal where the rows contradict the classes."""
    return Refusal(
        f"The data contradict {classes} classes with these proxies: likelihood ratio {test.statistic:.1f} on "
        f"{test.freedom} degrees of freedom, {p_words(test.p_value)}. Some proxy depends on another, on "
        f"{unmixing.outcome} or on {unmixing.treatment} beyond {unmixing.latent}, or there are more classes.",
        f"Ask for the average effect, which needs less: ATE({unmixing.treatment}, {unmixing.outcome}); "
        "or declare more classes.",
    )


def refusal_of_flat(unmixing: Unmixing, classes: int) -> Refusal:
    """The refusal where no errors can be told."""
    return Refusal(
        f"The likelihood is flat: the data do not tell {classes} classes of {unmixing.latent} apart.",
        "Declare fewer classes, or measure stronger proxies.",
    )


def normal_check(test: SaturatedTest, unmixing: Unmixing) -> Check:
    """The normal law of the outcome within classes, contradicted."""
    words = (
        f"Distance of the rows' probability transforms from uniform {test.statistic:.1f} on {test.freedom} degrees of "
        f"freedom, {p_words(test.p_value)}: {unmixing.outcome} is not normal within classes; its moments are used."
    )
    return Check("normal within classes", False, test.p_value, words)


def views_check(test: SaturatedTest, unmixing: Unmixing) -> Check:
    """What the data say of level 2, which is not assumed: nothing to fail."""
    z = ", ".join(unmixing.z)
    words = f"Likelihood ratio {test.statistic:.1f} on {test.freedom} degrees of freedom, {p_words(test.p_value)}: "
    if test.p_value < LEVEL:
        words += f"the data ask for arrows from {z} to {unmixing.treatment}: three independent views do not do."
    else:
        words += f"arrows from {z} to {unmixing.treatment} are not needed; without them errors are smaller."
    return Check("level 2 against level 3", True, test.p_value, words)


def status_check(checks: tuple[Check, ...]) -> Check:
    """One word for all checks: ok, or weak with what makes it so."""
    failed = [check.name for check in checks if not check.passed]
    words = f"weak: {', '.join(failed)}. Read the intervals with care." if failed else "ok: no check failed."
    return Check("status", not failed, None, words)


def refused(refusal: Refusal, checks: tuple[Check, ...]) -> Refusal:
    """The refusal with all that was looked at before it, and the one word for it."""
    status = Check("status", False, None, "refused: the other checks show what that rests on.")
    return replace(refusal, checks=(status, *checks, *refusal.checks))
