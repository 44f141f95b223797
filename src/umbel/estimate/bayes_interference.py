"""An effect under confounding and interference, from published units: Appendix L.2 as an estimator.

Weinstein and Blei (JMLR 27(37) 2026), Section 7.3: units publish an effect with its standard
error, how many of their members were treated, a size S and an interferer C. The estimand is
recognised by its factors: P(S), P(C | S, Q[A] = q), P(Q[A] | S) and E[effect | S, Q[A], C].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from umbel.data.study import Study, Summary
from umbel.data.summaries import UnitSummaries, read_summary
from umbel.estimate.bayes import REFERENCES, sampled_interference
from umbel.estimate.bayes_forms import InterferenceData, InterferenceModel, default_model, model_of
from umbel.estimate.bayes_sampler import Nuts
from umbel.estimate.bayes_units import draws_estimate, draws_row
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unused, unwatched
from umbel.expr.build import free, leaves
from umbel.expr.nodes import (
    AtState,
    Certain,
    Expr,
    Held,
    Law,
    NumericValue,
    Policy,
    Probability,
    Product,
    Raw,
    Slot,
    Sum,
    Symbol,
    Value,
)
from umbel.model.priors import InterferenceAnalysis
from umbel.model.query import Expectation, Question
from umbel.results.step import Refusal
from umbel.variable import State


@dataclass(frozen=True, slots=True)
class SampledInterferenceEffect:
    """The effect of treating a share of everybody's members, by NUTS: ``[method] name = "bayes"``.

    Two numbers come out: the posterior of the average effect, and the predictive effect of a new
    unit. With few units the form and the priors decide much. Needs the extra ``bayes``.

    Parameters
    ----------
    analysis
        Form and priors; None: linear in size and share, priors from the data.
    level
        Level of the intervals, which have equal tails.
    sampler
        Chains, draws, warmup.
    """

    analysis: InterferenceAnalysis | None = None
    level: float = 0.95
    sampler: Nuts = Nuts()
    name: str = "bayes"

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Whether the estimand has the four factors, and the study what they need."""
        found = _parts_of(target, study)
        return found if isinstance(found, Refusal) else Supported(score=3)

    def estimate(
        self, target: Target, study: Study, *, rng: np.random.Generator, watch: Watch = unwatched
    ) -> Estimated | Refusal:
        """Posterior draws of the average effect, and of the effect that a new unit is expected to have.

        Raises
        ------
        MissingExtra
            When numpyro is not installed.
        """
        parts = _parts_of(target, study)
        if isinstance(parts, Refusal):
            return parts
        published = read_summary(study, parts.summary, more=(parts.size, parts.interferer))
        data = _data(parts, published)
        model = default_model(data) if self.analysis is None else model_of(self.analysis)
        share = _share(parts.value, parts.states)
        sampled = sampled_interference(data, model=model, share=share, sampler=self.sampler, rng=rng, watch=watch)
        return Estimated(
            draws_estimate(sampled.average, self.level, self.name),
            (
                draws_row("average effect", sampled.average, self.level),
                draws_row(f"predictive effect of a new {published.unit}", sampled.new_unit, self.level),
            ),
            (
                *published.checks,
                *sampled.checks,
                *unused(study, "unit_weight", "cluster", "strata", "errors", "edges", "selected"),
            ),
            _assumptions(parts, model, given=self.analysis is not None),
            REFERENCES,
            len(data.effects),
        )


@dataclass(frozen=True, slots=True)
class _Parts:
    """Who plays which part in the estimand, and where its figures are."""

    outcome: str
    size: str
    interferer: str
    treatment: str
    value: Value
    states: tuple[State, ...]
    summary: Summary


def _parts_of(target: Target, study: Study) -> _Parts | Refusal:
    summaries = {_mean_of(one): one for one in study.summaries}
    if not study.summaries:
        return Refusal("The study holds no summaries.", "Give summaries=..., or use an estimator of rows.")
    found = _factors(target.expr)
    if found is None:
        why = "The estimand is not that of interference through a measured variable of the unit."
        return Refusal(why, "Another estimator is needed.")
    outcome, size, interferer, law, value = found
    if outcome not in summaries:
        return Refusal(f"No summary gives {outcome}.", f'Publish it: of = "E[{outcome}]", with value and se.')
    (of,) = law.of
    name = of.name if isinstance(of, Raw) else ""
    columns = dict(study.counts).get(name)
    if columns is None or len(columns) != 2:
        return Refusal(f"The study has no counts of {name}'s two states.", f"Give counts = {{ {name} = [...] }}.")
    declared = target.domains.get(name) or study.column(name).states
    states = (0, 1) if declared is None else declared.states
    fault = _unreadable(value, states, name)
    return fault or _Parts(outcome, size, interferer, name, value, states, summaries[outcome])


def _factors(expr: Expr) -> tuple[str, str, str, Law, Value] | None:
    """Outcome, size, interferer, treatment's law and its intervened value; None for another estimand.

    Equal symbols are one variable, so the factors, each once and all bound, fix the whole formula.
    """
    if free(expr) or not _is_one_product(expr):
        return None
    found = leaves(expr)
    laws = [leaf for leaf in found if isinstance(leaf, Probability)]
    values = [leaf.symbol for leaf in found if isinstance(leaf, NumericValue)]
    if len(laws) + len(values) != len(found) or len(values) != 1 or any(leaf.level for leaf in laws):
        return None
    (y,) = values
    held = [(leaf, slot) for leaf in laws for slot in leaf.given if isinstance(slot, Held)]
    if len(held) != 1 or not isinstance(held[0][1].symbol.meaning, Law):
        return None
    ((of_c, intervened),) = held
    others = [slot for slot in of_c.given if slot != intervened]
    law = [slot for leaf in laws for slot in leaf.of if isinstance(slot, Symbol) and isinstance(slot.meaning, Law)]
    if len(of_c.of) != 1 or len(others) != 1 or len(law) != 1 or law[0].meaning != intervened.symbol.meaning:
        return None
    (c,), (s,), (a,) = of_c.of, others, law
    shared = [((c,), frozenset({s, intervened})), ((y,), frozenset({s, a, c}))]
    chain: list[tuple[tuple[Slot, ...], frozenset[Slot]]] = [((s,), frozenset()), ((a,), frozenset({s}))]
    together: list[list[tuple[tuple[Slot, ...], frozenset[Slot]]]] = [[((s, a), frozenset())], [((a, s), frozenset())]]
    factors = frozenset((leaf.of, frozenset(leaf.given)) for leaf in laws)
    if factors not in [frozenset([*shared, *roots]) for roots in (chain, *together)]:
        return None
    meanings = [one.meaning for one in (y, s, c) if isinstance(one, Symbol)]
    names = [one.name for one in meanings if isinstance(one, Raw)]
    meaning = a.meaning
    if len(names) != 3 or not isinstance(meaning, Law) or meaning.given or len(meaning.of) != 1:
        return None
    return names[0], names[1], names[2], meaning, intervened.value


def _is_one_product(expr: Expr) -> bool:
    """Whether an expression is sums of products and nothing else."""
    match expr:
        case Sum(_, body):
            return _is_one_product(body)
        case Product(factors):
            return all(map(_is_one_product, factors))
        case _:
            return isinstance(expr, Probability | NumericValue)


def _mean_of(summary: Summary) -> str:
    """The variable of which a summary is the mean; empty for anything else."""
    body = Question.parse(summary.of).body
    plain = isinstance(body, Expectation) and not body.given and not body.do
    return body.outcome.variable if plain and isinstance(body, Expectation) else ""


def _unreadable(value: Value, states: tuple[State, ...], name: str) -> Refusal | None:
    match value:
        case Policy(law=None):
            return Refusal(f"The law of {name} is unspecified.", f"Name it: do({name} ~ Bernoulli(0.5)).")
        case Policy(given=given) if given:
            return Refusal(f"The law of {name} reads {given[0].name}.", "Ask for one law for all.")
        case Certain(AtState(state)) if state in states:
            return None
        case Policy():
            return None
        case _:
            return Refusal(f"{name} is held at no state that was counted.", f"Its states are {states}.")


def _share(value: Value, states: tuple[State, ...]) -> float:
    """The share of members that the intervention puts at the second state."""
    match value:
        case Certain(AtState(state)):
            return float(state == states[1])
        case Policy(law=law) if law is not None:
            return law.weight(states[1], states, {})
        case _:
            raise AssertionError("refused before")


def _data(parts: _Parts, published: UnitSummaries) -> InterferenceData:
    shares = dict(published.shares)[parts.treatment][:, 1]
    numbers = dict(published.numbers)
    return InterferenceData(published.effects, published.errors, shares, numbers[parts.size], numbers[parts.interferer])


def _assumptions(parts: _Parts, model: InterferenceModel, *, given: bool) -> tuple[str, ...]:
    return (
        f"{parts.interferer} and {parts.outcome} follow lines in {model.form.name}, with normal deviations "
        f"({model.name}{'' if given else ', the default form'}).",
        f"{parts.outcome} is published with a known normal error in each unit.",
        f"Priors: {'as handed to the method' if given else 'weak, from the span of the data'}.",
    )
