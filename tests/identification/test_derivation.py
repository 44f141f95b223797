"""Derivations: every step follows from the one before, by the diagram alone, and every law it states is true."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest

import umbel
from tests.oracles.counterfactual.draw import random_question
from tests.oracles.flat.diagram import Diagram, random_diagram
from tests.oracles.flat.kinds import KINDS, Posed
from tests.oracles.flat.truth import World, random_world
from umbel.expr.build import free, settled
from umbel.expr.evaluate import evaluate
from umbel.expr.nodes import Raw, Symbol
from umbel.lexer import quoted
from umbel.results.step import Step

EXACT = 1e-10
"""Enumeration in float64 of a few thousand rows leaves errors near 1e-15."""


def causes(diagram: Diagram, of: Sequence[str], within: set[str]) -> set[str]:
    """Names of a set that lead to some of it by paths inside the set, these included."""
    found = set(of)
    while grown := {name for late in found for name in diagram.parents(late) if name in within} - found:
        found |= grown
    return found


def joined(diagram: Diagram, of: Sequence[str], within: set[str]) -> set[str]:
    """Names of a set that paths of ``<->`` inside it join to some of it, these included."""
    found = set(of)
    while (
        grown := {
            b
            for a, b in (*diagram.bidirected, *(arc[::-1] for arc in diagram.bidirected))
            if a in found and b in within
        }
        - found
    ):
        found |= grown
    return found


def follows(diagram: Diagram, step: Step, target: Sequence[str]) -> bool:
    """Whether the set after a step is what its rule makes of the set before it."""
    rule = {"ancestral": causes, "district": joined}.get(step.rule)
    return rule is None or set(step.after) == rule(diagram, target, set(step.before))


def drawn(rng: np.random.Generator) -> tuple[Diagram, str, str]:
    """A diagram without latent names, so that its edges are those of the derivation."""
    diagram = random_diagram(rng, int(rng.integers(3, 6)))
    x, y = map(str, rng.choice(diagram.visible, 2, replace=False))
    return diagram, x, y


def test_every_step_follows_and_every_law_is_true(rng: np.random.Generator) -> None:
    seen: Counter[str] = Counter()
    for _ in range(200):
        diagram, x, y = drawn(rng)
        verdict = umbel.identify(diagram.graph(), f"P({y} | do({x}))")
        assert isinstance(verdict, umbel.Identified | umbel.Unidentified)
        world = random_world(diagram, rng, visible=(2,))
        joint = umbel.Table(world.visible, world.law(world.visible))
        for step in verdict.steps:
            seen[step.rule] += 1
            if found := re.match(r"for \{(.*?)\}", step.detail):
                assert follows(diagram, step, found[1].split(", ")), (diagram, step)
            if step.law is not None:
                assert law_gap(step, joint, world) < EXACT, (diagram, step)
                seen["law"] += 1
        last = verdict.steps[-1]
        if verdict.identified:
            assert set(last.after) == {y} or last.rule in ("no effect", "observed"), verdict.steps
        else:
            assert last.rule == "hedge" and x in last.before and set(last.after) < set(last.before), verdict.steps
    assert min(seen[rule] for rule in ("ancestors", "factor", "ancestral", "district", "sum", "hedge", "law")) >= 10


def law_gap(step: Step, joint: umbel.Table, world: World) -> float:
    """How far a step's law is from the law of its set with everything else set by hand."""
    assert step.law is not None
    expr = settled(step.law)
    rest = [name for name in world.visible if name not in step.after]
    read = {symbol.meaning.name for symbol in free(expr) if isinstance(symbol.meaning, Raw)} - set(step.after)
    axes = [Symbol(Raw(name)) for name in (*step.after, *(name for name in rest if name in read))]
    found = evaluate(expr, joint, axes, plates=()).array
    truth = world.effect(step.after, rest)
    wide = found.reshape(*found.shape[: len(step.after)], *(2 if name in read else 1 for name in rest))
    return float(np.abs(wide - truth).max())


@pytest.mark.parametrize(("kind", "draw", "whole"), KINDS, ids=[kind[0] for kind in KINDS])
def test_every_kind_of_question_is_derived(
    kind: str, draw: Callable[[np.random.Generator], Posed], whole: bool, rng: np.random.Generator
) -> None:
    for _ in range(30):
        posed = draw(rng)
        verdict = posed.verdict()
        assert not isinstance(verdict, umbel.Refused) and verdict.steps, posed
        rules = {step.rule for step in verdict.steps}
        assert verdict.identified or rules & {"hedge", "no source"}, posed
        if posed.laws and verdict.identified and not rules & {"no effect", "observed"}:
            assert "policy" in rules or not set(posed.laws) & {n for s in verdict.steps for n in s.before}, posed
        assert readable(verdict.derivation_latex())


def test_counterfactuals_are_derived(rng: np.random.Generator) -> None:
    seen: Counter[str] = Counter()
    for _ in range(80):
        asked = random_question(rng, conditions=bool(rng.integers(2)))
        verdict = umbel.identify(asked.diagram.graph(), asked.text())
        if isinstance(verdict, umbel.Refused):
            continue
        rules = {step.rule for step in verdict.steps}
        assert rules, asked
        if not verdict.identified:
            assert rules & {"conflict", "hedge"}, (asked, rules)
        assert readable(verdict.derivation_latex())
        seen[type(verdict).__name__] += 1
    assert seen["Identified"] >= 30


NESTED = [
    ("plate student { A Y }; latent U; U -> { A Y }; A -> Y", "E[Y | do(A=1)] - E[Y | do(A=0)]", True),
    ("plate student { A Y }; latent U; U -> { A Y Z }; A -> Z -> Y", "E[Y | do(A=1)]", False),
    ("plate student { A Y }; latent U; U -> { A Y }; A <-> Y; A -> Y", "E[Y | do(A=1)]", False),
]


@pytest.mark.parametrize(("graph", "question", "identified"), NESTED)
def test_plates_are_derived(graph: str, question: str, identified: bool) -> None:
    verdict = umbel.identify(graph, question)
    assert isinstance(verdict, umbel.Identified | umbel.Unidentified)
    assert verdict.identified is identified
    first, last = verdict.steps[0], verdict.steps[-1]
    if first.rule == "collapse":
        assert first.before == ("A", "Y") and all(name.startswith("Q[") for name in first.after)
    assert identified or last.rule == "hedge"
    assert readable(verdict.derivation_latex())


def test_terms_with_derivations_of_their_own_are_all_derived() -> None:
    verdict = umbel.identify("A -> M -> Y; A -> Y", "E[Y[A=1, M[A=0]]] - E[Y | do(A=0)]")
    assert isinstance(verdict, umbel.Identified)
    heads = [step.detail for step in verdict.steps if step.rule == "term"]
    assert heads == ["E[Y[A=1, M[A=0]]]", "E[Y | do(A=0)]"]
    alike = umbel.identify("A -> Y; Z -> {A Y}", "E[Y | do(A=1)] - E[Y | do(A=0)]")
    assert isinstance(alike, umbel.Identified)
    assert not any(step.rule == "term" for step in alike.steps)


def test_the_steps_travel_as_plain_values() -> None:
    step = Step("district", "for {Z}: {X, Z} to {Z}", ("X", "Z"), ("Z",))
    assert step.to_dict() == {"rule": step.rule, "detail": step.detail, "before": ["X", "Z"], "after": ["Z"]}


HOSTILE = [
    "{",
    "}",
    "\\",
    "}{",
    "$x$",
    "%",
    "a_b^c~d",
    "#1",
    "&",
    "a & b \\\\ c",
    "\\end{array}",
    "<b>",
    "Birth weight",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_in_their_cell(name: str) -> None:
    graph = umbel.Graph.build(nodes=[name, "M", "Y"], directed=[(name, "M"), ("M", "Y")], bidirected=[(name, "Y")])
    for question in (f"P(Y | do({quoted(name)}))", f"P(Y[{quoted(name)}={quoted(name)}]=1 | {quoted(name)}=0)"):
        verdict = umbel.identify(graph, question)
        assert isinstance(verdict, umbel.Identified)
        assert readable(verdict.derivation_latex()), verdict.derivation_latex()


def readable(latex: str) -> bool:
    """One array, three cells a row, braces in order, no command but those that a formula needs."""
    lines = latex.split("\n")
    rows = lines[1:-1]
    words = {"\\begin", "\\end", *re.findall(r"\\[a-zA-Z]+", "\n".join(rows))}
    known = r"text to quad mid sum int frac left right mathrm sim vert wedge backslash varnothing delta max begin end"
    depth = 0
    for mark in re.findall(r"\\[\\{}#$%&_]|[{}]", "\n".join(rows)):
        depth += {"{": 1, "}": -1}.get(mark, 0)
        if depth < 0:
            return False
    return (
        (lines[0], lines[-1]) == ("\\begin{array}{rll}", "\\end{array}")
        and all(len(re.findall(r"(?<!\\)&", row)) == 2 for row in rows)
        and all(row.endswith(" \\\\") for row in rows[:-1])
        and words <= {f"\\{word}" for word in known.split()}
        and depth == 0
    )
