"""Several studies of nested data: what each measured, at which doses, on which rows, against enumeration.

The graph is A4f of "Hierarchical causal models": a school's treatment law confounded with the
interferer W. Truth and tables come from loops over the definitions; a trial is the same model with
the school's law of A dealt by lot.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

import umbel
from tests.oracles.nested.brute import Do, Model, blueprint, random_model
from tests.oracles.nested.draw import Case, random_case
from umbel.numerics.tables import Table

EXACT = 1e-10
SHARES = (0.2, 0.5, 0.8)
PUPILS = "plate student { A Y }"
A4F = f"{PUPILS}; latent U; U -> {{ A W }}; A -> W; W -> Y; A -> Y"
SELECTED = f"{PUPILS}; X; latent U; U -> {{ A W }}; A -> {{ W Y }}; W -> Y; X -> {{ W Y }}"
KEPT_BY_CAUSE = f"{PUPILS}; latent U; U -> {{ A Y }}; A -> Y"


def atoms(shares: Sequence[float] = SHARES) -> np.ndarray:
    """Laws of a binary A inside a unit."""
    return np.array([[1 - share, share] for share in shares])


def drawn(graph: str, rng: np.random.Generator, sizes: dict[str, int] | None = None) -> Model:
    return random_model(blueprint(umbel.Graph.parse(graph)), rng, sizes=sizes, atoms={"A": atoms()}, count=3)


def trial(model: Model, shares: Sequence[float]) -> Model:
    """The same model after each unit's share of A was drawn by lot, whatever causes A."""
    own, law = model.tables["A"]
    lot = np.array([float(share in shares) for share in SHARES])
    after = copy.copy(model)
    after.tables = {**model.tables, "A": [own, np.broadcast_to(lot / lot.sum(), law.shape)]}
    after._memo = {}
    return after


def shown(model: Model, seen: Sequence[str], kept: dict[str, np.ndarray] | None = None) -> Table:
    """The table of a study: some variables, and rows kept with a probability by each state of some."""
    table = model.table()
    array = table.array
    for name, chance in (kept or {}).items():
        array = array * chance.reshape([-1 if axis == name else 1 for axis in table.axes])
    lost = tuple(i for i, axis in enumerate(table.axes) if axis not in ("unit", *seen))
    array = array.sum(axis=lost)
    return Table([axis for axis in table.axes if axis in ("unit", *seen)], array / array.sum())


def truth(model: Model, share: float) -> float:
    return float(model.law("Y", Do("A", (), np.array([1 - share, share])))[1])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(23)


def mean_under(share: float) -> str:
    return f"E[Y | do(A ~ Bernoulli({share}))]"


REGISTRY = umbel.Experiment()


@pytest.mark.parametrize("seed", range(3))
def test_a_trial_of_the_interferer_and_a_registry(seed: int) -> None:
    """T1: Σ_W P_trial(W | Q[A]) P_registry(Q[Y|A] | W), three hundred models in all."""
    rng = np.random.default_rng([21, seed])
    measured = umbel.Experiment(do="A", observed="W", assigned="school")
    for share in SHARES:
        verdict = umbel.identify(A4F, mean_under(share), [measured, REGISTRY])
        assert verdict.identified
        assert {need.source for need in verdict.estimand.needs() if not need.inside} == {0, 1}
        for _ in range(34):
            model = drawn(A4F, rng)
            tables = [shown(trial(model, SHARES), ["A", "W"]), shown(model, ["A", "W", "Y"])]
            found = float(verdict.estimand.evaluate(tables).array)
            assert abs(found - truth(model, share)) < EXACT
        assert verdict.verify(rng=rng)


def test_the_registry_alone_and_a_trial_that_did_not_measure_the_interferer() -> None:
    assert not umbel.identify(A4F, mean_under(0.5)).identified
    blind = umbel.Experiment(do="A", observed=("A",), assigned="school")
    verdict = umbel.identify(A4F, mean_under(0.5), [blind, REGISTRY])
    assert isinstance(verdict, umbel.Unidentified)
    assert "measure W in source 1" in verdict.remedies


def test_the_trial_at_one_dose_shows_that_dose(rng: np.random.Generator) -> None:
    """T2: identified at the dose that was used, refused elsewhere, whatever was randomised inside the unit."""
    for assigned in ("school", None):
        one = umbel.Experiment(do="A", observed="W", doses=(0.5,), assigned=assigned)
        verdict = umbel.identify(A4F, mean_under(0.5), [one, REGISTRY])
        assert verdict.identified
        for _ in range(20):
            model = drawn(A4F, rng)
            tables = [shown(trial(model, [0.5]), ["A", "W"]), shown(model, ["A", "W", "Y"])]
            assert abs(float(verdict.estimand.evaluate(tables).array) - truth(model, 0.5)) < EXACT
        for share in (0.2, 0.8):
            refused = umbel.identify(A4F, mean_under(share), [one, REGISTRY])
            assert isinstance(refused, umbel.Refused)
            assert "0.5" in refused.refusal.why and refused.refusal.advice
        contrast = umbel.identify(A4F, f"{mean_under(0.5)} - {mean_under(0.2)}", [one, REGISTRY])
        assert isinstance(contrast, umbel.Refused)


def test_two_trials_at_one_dose_each_show_both() -> None:
    first, second = (umbel.Experiment(do="A", observed="W", doses=(dose,), assigned="school") for dose in (0.2, 0.8))
    question = f"{mean_under(0.8)} - {mean_under(0.2)}"
    assert not umbel.identify(A4F, question, [first, REGISTRY]).identified
    verdict = umbel.identify(A4F, question, [first, second, REGISTRY])
    assert verdict.identified
    rng = np.random.default_rng(22)
    model = drawn(A4F, rng)
    tables = [shown(trial(model, [dose]), ["A", "W"]) for dose in (0.2, 0.8)] + [shown(model, ["A", "W", "Y"])]
    found = float(verdict.estimand.evaluate(tables).array)
    assert abs(found - truth(model, 0.8) + truth(model, 0.2)) < EXACT


def test_randomised_inside_at_an_unknown_share_shows_no_other() -> None:
    """One point of do(Q[A]) is not all of them: the share that was used is not even said."""
    inside = umbel.Experiment(do="A", observed="W")
    verdict = umbel.identify(A4F, mean_under(0.5), [inside, REGISTRY])
    assert isinstance(verdict, umbel.Refused)
    assert "share" in verdict.refusal.why


def test_units_kept_by_what_is_measured(rng: np.random.Generator) -> None:
    """T3: X decides which schools enter the trial, and is measured: exact. Unweighted, it would err."""
    chosen = umbel.Experiment(do="A", assigned="school", selected=("X",))
    target = umbel.Experiment(observed=("X",))
    worst = 0.0
    for studies in ([chosen, target], [chosen, REGISTRY]):
        verdict = umbel.identify(SELECTED, mean_under(0.8), studies)
        assert verdict.identified
        assert verdict.verify(rng=rng)
        for _ in range(10):
            model = drawn(SELECTED, rng, {"X": 3})
            dealt, kept = trial(model, SHARES), {"X": np.array([0.9, 0.3, 0.05])}
            rest = ["X"] if studies[1] is target else ["A", "W", "X", "Y"]
            tables = [shown(dealt, ["A", "W", "X", "Y"], kept), shown(model, rest)]
            found = float(verdict.estimand.evaluate(tables).array)
            assert abs(found - truth(model, 0.8)) < EXACT
            naive = umbel.identify(SELECTED, mean_under(0.8), [umbel.Experiment(do="A", assigned="school")])
            assert naive.identified
            worst = max(worst, abs(float(naive.estimand.evaluate([tables[0]]).array) - truth(model, 0.8)))
    assert worst > 1e-3


def test_units_kept_by_what_is_hidden_are_refused() -> None:
    """T3: U decides which schools enter the trial, and acts on the outcome: no answer, and no silence."""
    chosen = umbel.Experiment(do="A", assigned="school", selected=("U",))
    for graph, studies in ((A4F, [chosen, REGISTRY]), (A4F, [chosen]), (KEPT_BY_CAUSE, [chosen])):
        verdict = umbel.identify(graph, mean_under(0.8), studies)
        assert isinstance(verdict, umbel.Refused)
        assert "U" in verdict.refusal.why and "hidden" in verdict.refusal.why


def test_units_kept_by_what_the_study_itself_did_not_measure() -> None:
    chosen = umbel.Experiment(do="A", observed=("A", "W", "Y"), assigned="school", selected=("X",))
    verdict = umbel.identify(SELECTED, mean_under(0.8), [chosen, REGISTRY])
    assert not verdict.identified


def test_every_experiment_deals_every_law_to_units() -> None:
    """``experiments="all"``: a trial of units at every dose, not members randomised at one share."""
    for graph in (A4F, SELECTED, "plate student { A Y }; latent U; U -> { A Z Y }; A -> Z; Z -> Y; A -> Y"):
        assert not umbel.identify(graph, mean_under(0.8)).identified
        verdict = umbel.identify(graph, mean_under(0.8), experiments="all")
        assert verdict.identified
        assert verdict.verify()


def random_study(dice: random.Random, case: Case) -> umbel.Experiment:
    """A study of any kind: what it sets, measures, at one dose or all, assigned to units or inside them."""
    plan = blueprint(case.graph)
    visible = [name for name in plan.order if name not in plan.hidden]
    do = [name for name in visible if dice.random() < 0.3][:2]
    rest = [name for name in visible if name not in do and dice.random() < 0.75]
    doses = {name: (0.5,) if plan.path[name] else (1,) for name in do if dice.random() < 0.4}
    outside = [name for name in visible if not plan.path[name]]
    kept = [name for name in outside if dice.random() < 0.3][:1] if dice.random() < 0.3 else []
    assigned = dice.choice([None, "unit"]) if do else None
    return umbel.Experiment(do, rest if rest and dice.random() < 0.5 else None, doses or None, assigned, kept)


def judged(dice: random.Random, rng: np.random.Generator) -> str:
    """The verdict on a random nested graph with random studies, after it proved itself."""
    case = random_case(dice, plain=dice.random() < 0.5, largest=11)
    studies = [random_study(dice, case) for _ in range(dice.randint(1, 3))]
    question = case.question.replace("~ q)", "~ Bernoulli(0.5))") if dice.random() < 0.4 else case.question
    try:
        verdict = umbel.identify(case.graph, question, studies)
    except umbel.QuestionError as error:
        assert "measure" in str(error), (case.text, question, studies)
        return "unmeasured"
    if isinstance(verdict, umbel.Identified | umbel.Unidentified):
        assert verdict.verify(rng=rng), (case.text, question, studies)
    return type(verdict).__name__


def test_random_graphs_with_random_studies() -> None:
    """Identities inside units, the lowered graph, and finite populations as each study shows them."""
    dice, rng = random.Random(24), np.random.default_rng(24)
    seen = Counter(judged(dice, rng) for _ in range(30))
    assert min(seen["Identified"], seen["Unidentified"]) >= 5, seen


@pytest.mark.study
@pytest.mark.parametrize("seed", range(10))
def test_many_graphs_with_random_studies(seed: int) -> None:
    dice, rng = random.Random(seed), np.random.default_rng(seed)
    for _ in range(60):
        judged(dice, rng)
