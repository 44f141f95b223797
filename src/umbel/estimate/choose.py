"""Which estimators there are, in one ordered tuple; the one that fits best is taken.

A new estimator is one file in this folder and one line here.
"""

from __future__ import annotations

from umbel.data.study import Study
from umbel.estimate.adjustment import AIPW
from umbel.estimate.bayes_interference import SampledInterferenceEffect
from umbel.estimate.bayes_units import SampledSummaries
from umbel.estimate.cells import DiscretePlugIn
from umbel.estimate.crossfit import Learners
from umbel.estimate.estimator import Estimator, Supported, Target
from umbel.estimate.friends import pushed_in
from umbel.estimate.frontdoor import APIPW
from umbel.estimate.models import PAPER
from umbel.estimate.moments import LatentClasses
from umbel.estimate.moments_bootstrap import ClassBootstrap
from umbel.estimate.moments_units import KindsOfUnits
from umbel.estimate.montecarlo import FittedKernels
from umbel.estimate.network import NetworkSimulation
from umbel.estimate.network_model import is_network_mean
from umbel.estimate.reading import policies_of
from umbel.estimate.summaries import NormalHierarchy
from umbel.estimate.total_states import made_of_states
from umbel.estimate.totals import LinearTotals
from umbel.estimate.totals_of_states import TotalsOfStates
from umbel.estimate.units import UnitsPlugIn
from umbel.expr.build import leaves
from umbel.expr.estimand import Estimand
from umbel.expr.nodes import Drawn, Law
from umbel.expr.unmixing import Unmixing
from umbel.model.priors import InterferenceAnalysis
from umbel.results.step import Refusal

DEFAULTS = Learners()


def estimators(
    *,
    level: float = 0.95,
    location: float | None = None,
    scale: float | None = None,
    analysis: InterferenceAnalysis | None = None,
    learners: Learners = DEFAULTS,
    scan: tuple[str, ...] = (),
) -> tuple[Estimator, ...]:
    """Every estimator of the core, with the settings of a ``[method]`` table.

    Examples
    --------
    >>> names = [one.name for one in estimators()]
    >>> names[:5]
    ['normal hierarchy', 'bayes', 'bayes', 'aipw', 'apipw']
    >>> names[5:13]
    ['cells', 'kernels', 'latent classes', 'kinds of units', 'network', 'totals', 'units', 'plug-in']
    >>> names[13:]
    ['bootstrap', 'bootstrap']
    """
    return (
        NormalHierarchy(location=location, scale=scale, level=level),
        SampledSummaries(location=location, scale=scale, level=level),
        SampledInterferenceEffect(analysis=analysis, level=level),
        AIPW(learners.outcome, learners.treatment, learners.folds, level),
        APIPW(learners.outcome, learners.treatment, learners.folds, level),
        DiscretePlugIn(level=level, scan=scan or None),
        FittedKernels(level=level),
        LatentClasses(level=level),
        KindsOfUnits(level=level),
        NetworkSimulation(level=level),
        LinearTotals(level=level),
        UnitsPlugIn(level=level),
        UnitsPlugIn(level=level, models=PAPER, name="plug-in"),
        KindsOfUnits(level=level, name="bootstrap"),  # as it always does
        LatentClasses(level=level, errors=ClassBootstrap(), name="bootstrap"),
    )


def choose(target: Target, study: Study, among: tuple[Estimator, ...]) -> Estimator | Refusal:
    """The estimator that fits best, or why none does: the reason that the last-built one gives."""
    if target.unmixing is not None:  # no other reads a class that no column holds
        kind = LatentClasses if isinstance(target.unmixing, Unmixing) else KindsOfUnits
        among = tuple(one for one in among if isinstance(one, kind))
        if not among:
            return Refusal(f"The estimand speaks of the latent {target.unmixing.latent}.", "Leave out [method] name.")
    if target.macro is not None:  # its errors know that the realisation is estimated too
        lines = tuple(one for one in among if isinstance(one, LinearTotals))
        cells = tuple(TotalsOfStates(one.level) for one in among if isinstance(one, DiscretePlugIn))
        among = (*cells, *lines) if cells and made_of_states(target, study) else lines or among
    elif any(isinstance(leaf, Drawn) and leaf.policy.of in leaf.policy.given for leaf in leaves(target.expr)):
        return Refusal(
            "Laws under a moved total are not estimated yet, means are.", "Ask for E[...], or evaluate the estimand."
        )
    if is_network_mean(target.expr):
        among = tuple(one for one in among if isinstance(one, NetworkSimulation))
        if not among:
            return Refusal("The estimand is a mean over one network.", "Leave out [method] name.")
    elif pushed_in(target.expr):
        among = tuple(one for one in among if isinstance(one, UnitsPlugIn))
        if not among or target.unmixing is not None:
            return Refusal("The estimand is pushed through friendships inside units.", "Leave out [method] name.")
    elif study.edges is not None and not any(one.law is None for one in policies_of(target.expr)):
        why = "The study is one network, and the graph has none: rows that influence each other are not alike."
        return Refusal(why, "Draw the network: network person { A -> Y; A.near -> Y }.")
    fits = [(one, one.supports(target, study)) for one in among]
    fitting = [(fit.score, -index) for index, (_, fit) in enumerate(fits) if isinstance(fit, Supported)]
    if fitting:
        return fits[-max(fitting)[1]][0]
    reasons = [(one, fit) for one, fit in fits if isinstance(fit, Refusal)]
    if not reasons:
        return Refusal("No estimator was given.", "Leave out [method] name.")
    if study.summaries:  # the reason of the estimator that this kind of study, and of estimand, is for
        return reasons[0][1]
    nested = any(isinstance(meaning, Law) for need in Estimand(target.expr, (), "").needs() for meaning in need.of)
    meant = LatentClasses | KindsOfUnits if target.unmixing is not None else UnitsPlugIn if nested else FittedKernels
    return next((fit for one, fit in reasons if isinstance(one, meant)), reasons[-1][1])
