"""What the lowering of plates must keep, as laws on small random problems.

A model map takes a plated model to a model of its lowered graph: unit variables stay, a member's
mechanism becomes the value of its node, a piece the function of mechanisms that it is (Eq. 71).
The laws say that observing, intervening and answering commute with it, that the lift is linear
and speaks the user's words, and that more knowledge never costs an answer.
"""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.oracles.nested.brute import Do, Model, blueprint, random_model
from tests.oracles.nested.draw import Case, end_to_end, random_case, reaching
from umbel.expr.build import linear, total
from umbel.expr.evaluate import evaluate
from umbel.expr.nodes import Law, Probability, Symbol
from umbel.graph.mixed import bits
from umbel.graph.parse import parse_graph
from umbel.graph.walks import ancestors
from umbel.identification.ask import identify_question
from umbel.identification.flat import solve_flat
from umbel.identification.nested import solve
from umbel.model.proof import Road
from umbel.model.query import Question
from umbel.model.task import Collapse, Piece, Reading, Task
from umbel.numerics.tables import Table
from umbel.results.verdict import Identified, Unidentified, Verdict

TOLERANCE = 1e-10
EXAMPLES = 40
LARGEST = 9
SEEDS = st.integers(0, 10**6)

Array = NDArray[np.float64]


def drawn(seed: int, *, plain: bool = False) -> tuple[Case, Verdict]:
    case = random_case(random.Random(seed), plain=plain, largest=LARGEST)
    return case, identify_question(case.graph, Question.parse(case.question))


def collapsed(seed: int) -> tuple[Case, Identified, Road] | None:
    """A random identified case that was lowered."""
    case, verdict = drawn(seed)
    if not isinstance(verdict, Identified) or not verdict.proof.roads[0].lowerings:
        return None
    return case, verdict, verdict.proof.roads[0]


def inputs(record: Collapse, node: int) -> list[int]:
    return list(bits(record.graph.parents[node] & record.members))


def integrated(record: Collapse, factors: dict[int, Array], out: list[int]) -> Array:
    """Product of mechanisms, summed down to ``out``."""
    operands: list[object] = []
    for node, table in factors.items():
        operands += [table, [*inputs(record, node), node]]
    return np.asarray(np.einsum(*operands, out, optimize="greedy"))


@settings(max_examples=EXAMPLES)
@given(SEEDS)
def test_observed_square(seed: int) -> None:
    """What is observed of the lowered model is computable from what is observed of the model.

    Every visible law of the lowered graph, by its formula on the unit's observed members, equals
    the integral of the unit's mechanisms, hidden ones among them.
    """
    found = collapsed(seed)
    if found is None:
        return
    case, _, road = found
    (lowering,) = road.lowerings
    record = lowering.record
    model = random_model(blueprint(case.graph), np.random.default_rng(seed))
    table = model.table()
    kinds = model.things((), {}, frozenset(model.plan.order), None)
    for row, (_, state) in enumerate(kinds):
        unit = Table(table.axes[1:], table.array[row])
        for _, part in lowering.mixed:
            assert part.law is not None
            order = [*bits(part.given), *bits(part.of)]
            seen = evaluate(part.law.formula, unit, [Symbol(record.meanings[node]) for node in order]).array
            own = {node: _mechanism(model, record, node, state) for node in bits(part.factors)}
            truth = integrated(record, own, order)
            assert np.abs(seen - truth).max() < TOLERANCE, (case.text, part.law)


def _mechanism(model: Model, record: Collapse, node: int, state: dict[str, int]) -> Array:
    """The mechanism of a member in one kind of unit, axes in the record's order."""
    name = record.graph.names[node]
    table = model.tables[name][0][state[name]]
    wanted = [record.graph.names[p] for p in inputs(record, node)]
    have = model.plan.read_at(name, 0)
    shape = [model.sizes[p] if p in have else 1 for p in wanted]
    moved = np.transpose(table, [*(have.index(p) for p in wanted if p in have), table.ndim - 1])
    full = moved.reshape([*shape, model.sizes[name]])
    return np.broadcast_to(full, [*(model.sizes[p] for p in wanted), model.sizes[name]])


@settings(max_examples=EXAMPLES)
@given(SEEDS)
def test_do_square(seed: int) -> None:
    """Intervening and lowering commute: every reader hears the same through its pieces."""
    found = collapsed(seed)
    if found is None:
        return
    _, _, road = found
    (lowering,) = road.lowerings
    record, own = lowering.record, lowering.record.treatment_piece
    rng = np.random.default_rng(seed)
    tables = {node: rng.dirichlet([2.0, 2.0], size=[2] * len(inputs(record, node))) for node in bits(record.members)}
    after = dict(tables)
    laws: dict[tuple[int, int], Array] = {}
    if own is not None and record.treated >= 0:
        reads = road.task.treatments[0].reads
        q = rng.dirichlet([2.0, 2.0], size=[2 if reads >> p & 1 else 1 for p in inputs(record, record.treated)])
        after[record.treated] = np.broadcast_to(q, tables[record.treated].shape)
        policy = policy_of(q, record, own, record.treated)
        laws[own.of, own.factors] = policy
    for how in record.readings:
        if how.reader == "":
            continue
        axes = [*bits(_reads(record, how.factors)), *bits(how.out)]
        direct = integrated(record, {node: after[node] for node in bits(how.factors)}, axes)
        lifted = _through(how.factors, how.uses, how.out, record, after, laws)
        assert np.abs(lifted - direct).max() < TOLERANCE, how.reader


def policy_of(q: Array, record: Collapse, own: Piece, treated: int) -> Array:
    """The policy's table with the axes of the treatment's piece: given, then the treatment."""
    have = inputs(record, treated)
    table = q
    for axis in reversed(range(len(have))):
        if not own.given >> have[axis] & 1:
            table = table.take(0, axis)
    kept = [p for p in have if own.given >> p & 1]
    shape = [table.shape[kept.index(p)] if p in kept else 1 for p in bits(own.given)]
    return np.broadcast_to(table.reshape([*shape, 2]), [2] * (len(shape) + 1))


def _reads(record: Collapse, factors: int) -> int:
    reads = 0
    for node in bits(factors):
        reads |= record.graph.parents[node] & record.members
    return reads & ~factors


def _through(
    factors: int,
    uses: tuple[Piece, ...],
    out: int,
    record: Collapse,
    tables: dict[int, Array],
    laws: dict[tuple[int, int], Array],
) -> Array:
    """A reader's law from its pieces; a piece that the intervention sets has the policy's value."""
    operands: list[object] = []
    rest = factors
    for part in uses:
        value = laws.get((part.of, part.factors))
        if value is None:
            smaller = next((how for how in record.readings if _is_of(how, part)), None)
            inner = smaller.uses if smaller else ()
            value = _through(part.factors, inner, part.of, record, tables, laws)
        operands += [value, [*bits(part.given), *bits(part.of)]]
        rest &= ~part.factors
    for node in bits(rest):
        operands += [tables[node], [*inputs(record, node), node]]
    return np.asarray(np.einsum(*operands, [*bits(_reads(record, factors)), *bits(out)], optimize="greedy"))


def _is_of(how: Reading, part: Piece) -> bool:
    """Whether a reading is the piece's own: by smaller pieces."""
    same = how.factors == part.factors and how.out == part.of
    return same and all(used.factors != part.factors for used in how.uses)


@settings(max_examples=EXAMPLES)
@given(SEEDS)
def test_truth_square(seed: int) -> None:
    """The lifted estimand on what is observed is the truth."""
    found = collapsed(seed)
    if found is not None:
        case, verdict, _ = found
        assert end_to_end(verdict, case, np.random.default_rng(seed)) < 1e-9


@settings(max_examples=EXAMPLES)
@given(SEEDS)
def test_the_lift_acts_on_atoms(seed: int) -> None:
    """Lifting a linear combination is the combination of the lifts; no atom of the lowered task stays."""
    found = collapsed(seed)
    if found is None:
        return
    case, verdict, road = found
    (lowering,) = road.lowerings
    lowered = solve(lowering.task).expr
    assert lowered is not None
    symbols = lowering.task.symbols(lowering.task.outcomes)
    observed = Probability(symbols, (), ())
    both = lowering.lift(linear([(2.0, lowered), (-1.0, observed)]))
    axes = road.task.symbols(road.task.outcomes)
    for model, do in reaching(verdict, case, np.random.default_rng(seed)):
        laws = {do.name: do.law()}
        table = model.table()
        values = [
            evaluate(expr, table, axes, plates=("s",), laws=laws).array
            for expr in (both, lowering.lift(lowered), lowering.lift(observed))
        ]
        if not np.isnan(values[1]).any():
            assert np.abs(values[0] - (2.0 * values[1] - values[2])).max() < TOLERANCE
            return


@settings(max_examples=EXAMPLES)
@given(SEEDS)
def test_a_task_without_plates_comes_back_unchanged(seed: int) -> None:
    """Lowering twice is lowering once."""
    case, verdict = drawn(seed)
    assert isinstance(verdict, Identified | Unidentified)
    road = verdict.proof.roads[0]
    flat = replace(case.graph, plates=(), plate_of=(-1,) * len(case.graph.names))
    task = Task(flat, Task.of(flat, 0).meanings, road.task.outcomes)
    assert solve(task).lowerings == ()
    assert solve(task) == solve_flat(task)
    for lowering in road.lowerings:
        assert all(plate < 0 for plate in lowering.task.graph.plate_of)
        again = solve(lowering.task)
        assert again.lowerings == ()
        assert again.flat_task == lowering.task or again.flat is None


@settings(max_examples=EXAMPLES)
@given(SEEDS, st.randoms(use_true_random=False))
def test_order_of_names_and_statements_plays_no_role(seed: int, dice: random.Random) -> None:
    case, verdict = drawn(seed)
    statements = case.text.split("; ")
    members = statements[0][len("plate s { ") : -len(" }")].split()
    dice.shuffle(members)
    rest = statements[1:]
    dice.shuffle(rest)
    other = replace(case, text="; ".join([f"plate s {{ {' '.join(members)} }}", *rest]))
    again = identify_question(other.graph, Question.parse(other.question))
    assert again.identified == verdict.identified
    if isinstance(verdict, Identified) and isinstance(again, Identified):
        for model, do in reaching(verdict, case, np.random.default_rng(seed)):
            laws = {do.name: do.law()}
            one = verdict.estimand.evaluate(model.table(), laws=laws).array
            two = again.estimand.evaluate(model.table(), laws=laws).array
            if not (np.isnan(one).any() or np.isnan(two).any()):
                assert np.abs(one - two).max() < 1e-9
                return


SIBLINGS = {
    "teachers carry what pupils do": ("A -> T -> Y; A -> Y", "P(Y | do(A ~ q))", "A", True),
    "teachers carry what pupils do, under a hidden cause of pupils' variables": (
        "latent U; U -> { A Y }; A -> T -> Y; A -> Y",
        "P(Y | do(A ~ q))",
        "A",
        True,
    ),
    "teachers confounded with pupils": (
        "latent U; U -> { A T Y }; A -> { T Y }; T -> Y",
        "P(Y | do(A ~ q))",
        "A",
        False,
    ),
    "a treatment of teachers": ("latent U; U -> { T Y }; V -> T; T -> Y; A -> Y", "P(Y | do(T ~ q))", "T", False),
    "a treatment of teachers, nothing hidden": ("V -> { T Y }; T -> Y; A -> Y", "P(Y | do(T ~ q))", "T", True),
}


@settings(max_examples=2 * EXAMPLES)
@given(st.sampled_from(sorted(SIBLINGS)), st.booleans(), SEEDS)
def test_order_of_sibling_plates_plays_no_role(name: str, first: bool, seed: int) -> None:
    """Pupils and teachers of one school: two plates side by side, in either order."""
    edges, question, treatment, identified = SIBLINGS[name]
    plates = ["plate pupil { A Y }", "plate teacher { T }"]
    text = "; ".join([*(plates if first else plates[::-1]), edges])
    graph = parse_graph(text)
    verdict = identify_question(graph, Question.parse(question))
    assert verdict.identified == identified
    if isinstance(verdict, Identified):
        model = random_model(blueprint(graph), np.random.default_rng(seed))
        do = Do(treatment, (), model.tables[treatment][0].reshape(-1, 2)[0])
        if (treatment, 0) in model.slopes:
            return  # a treatment that reads pupils takes q nowhere exactly
        found = verdict.estimand.evaluate(model.table(), laws={treatment: do.law()}).array
        assert np.abs(found - model.law("Y", do)).max() < TOLERANCE


def test_laws_of_the_lowered_graph_are_laws() -> None:
    """A node of the lowered graph carries its meaning: which law, of which plate, by which formula."""
    graph = parse_graph("plate s { Z A Y }; latent U; U -> { A W Y }; Z -> A; A -> { W Y }; W -> Y")
    verdict = identify_question(graph, Question.parse("P(Y | do(A ~ q))"))
    assert isinstance(verdict, Identified)
    (lowering,) = verdict.proof.roads[0].lowerings
    for node, meaning in enumerate(lowering.task.meanings):
        if isinstance(meaning, Law):
            assert meaning.plate == ("s",)
            assert meaning.level == ()
        else:
            assert lowering.task.graph.names[node] in graph.names
    assert total((), Probability(lowering.task.symbols(lowering.task.outcomes), ())) is not None
    assert ancestors(lowering.task.graph, lowering.task.outcomes)
