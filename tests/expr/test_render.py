"""How estimands read: text, LaTeX and JSON, also for names and labels that nobody should have given."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import umbel
from tests.expr.expressions import expressions
from tests.oracles.flat.cases import NAPKIN, VERMA
from umbel.expr.build import linear
from umbel.expr.nodes import AtState, Expr, Held, Linear, Number, Policy, Probability, Raw, Symbol
from umbel.expr.render import latex, text, to_json
from umbel.lexer import quoted

FRONT_DOOR = "X -> Z -> Y; X <-> Y"
BACK_DOOR = "Z -> X -> Y; Z -> Y"

READABLE = [
    ("X -> Y", "P(Y | do(X))", "P(Y | X)", r"P(Y \mid X)"),
    (
        FRONT_DOOR,
        "P(Y | do(X))",
        "Σ_{Z} P(Z | X) (Σ_{X'} P(Y | X', Z) P(X'))",
        r"\sum_{Z} P(Z \mid X) \left(\sum_{{X}'} P(Y \mid {X}', Z) P({X}')\right)",
    ),
    (BACK_DOOR, "E[Y | do(X=1)]", "Σ_{Z} E[Y | X = 1, Z] P(Z)", r"\sum_{Z} E[Y \mid X = 1, Z] P(Z)"),
    (
        BACK_DOOR,
        "E[Y | do(X=1)] - E[Y | do(X=0)]",
        "Σ_{Z} (E[Y | X = 1, Z] - E[Y | X = 0, Z]) P(Z)",
        r"\sum_{Z} \left(E[Y \mid X = 1, Z] - E[Y \mid X = 0, Z]\right) P(Z)",
    ),
    (
        NAPKIN,
        "P(Y | do(X))",
        "[Σ_{W} P(X, Y | W, Z) P(W)] / [Σ_{W} P(X | W, Z) P(W)]",
        r"\frac{\sum_{W} P(X, Y \mid W, Z) P(W)}{\sum_{W} P(X \mid W, Z) P(W)}",
    ),
    (
        VERMA,
        "P(X4 | do(X3))",
        "Σ_{X1, X2} P(X4 | X3, X1, X2) P(X1, X2)",
        r"\sum_{X_{1}, X_{2}} P(X_{4} \mid X_{3}, X_{1}, X_{2}) P(X_{1}, X_{2})",
    ),
    (
        BACK_DOOR,
        "P(Y | do(X ~ q(Z)))",
        "Σ_{Z, X} P(Y | X, Z) q(X | Z) P(Z)",
        r"\sum_{Z, X} P(Y \mid X, Z) q(X \mid Z) P(Z)",
    ),
    (
        "X -> Y",
        "E[Y | do(X ~ Bernoulli(0.75))]",
        "Σ_{X} E[Y | X] [X ~ Bernoulli(0.75)]",
        r"\sum_{X} E[Y \mid X] [X \sim \text{Bernoulli(0.75)}]",
    ),
    ("X -> Y", "P(Y=1 | do(X=0))", "P(Y = 1 | X = 0)", r"P(Y = 1 \mid X = 0)"),
    ("X -> Y", "E[Y | do(X=1)] - 2", "E[Y | X = 1] - 2", r"E[Y \mid X = 1] - 2"),
    ("X -> Y", "E[Y | do(X=1)] / E[Y | do(X=0)]", "E[Y | X = 1] / E[Y | X = 0]", None),
    ("X -> Y", "E[X | do(Y=1)] - E[X | do(Y=0)]", "0", "0"),
    ("X -> Y", "1234567.5*E[Y | do(X=1)]", "1234567.5 E[Y | X = 1]", None),
    ("X -> Y", "1e22*E[Y | do(X=1)]", "1e+22 E[Y | X = 1]", r"1 \times 10^{22} E[Y \mid X = 1]"),
]


@pytest.mark.parametrize(("graph", "question", "plain", "set_in_type"), READABLE, ids=[row[1] for row in READABLE])
def test_readers_see(graph: str, question: str, plain: str, set_in_type: str | None) -> None:
    verdict = umbel.identify(graph, question)
    assert verdict.identified
    assert verdict.estimand.text() == str(verdict.estimand) == plain
    if set_in_type is not None:
        assert verdict.estimand.latex() == set_in_type


def test_laws_of_several_sources_are_numbered() -> None:
    chain = "X -> M -> Y; X <-> M"
    trial, registry = umbel.Experiment(do="X", observed="M"), umbel.Experiment()
    verdict = umbel.identify(chain, "P(Y | do(X))", experiments=[trial, registry])
    assert verdict.identified
    assert verdict.estimand.text() == "Σ_{M} P_2(Y | M) P_1(M | X)"
    assert verdict.estimand.latex() == r"\sum_{M} P_{2}(Y \mid M) P_{1}(M \mid X)"
    bow = umbel.identify("X -> Y; X <-> Y", "E[Y | do(X=1)]", experiments=[(), ("X",)])
    assert bow.identified
    assert bow.estimand.text() == "E_2[Y | X = 1]"


def test_json_says_the_same() -> None:
    verdict = umbel.identify(BACK_DOOR, "E[Y | do(X=1)]")
    assert verdict.identified
    assert verdict.estimand.to_json() == {
        "sum": ["Z"],
        "of": {
            "product": [
                {
                    "sum": ["Y"],
                    "of": {
                        "product": [
                            {"value": "Y"},
                            {"P": ["Y"], "given": ["X = 1", "Z"], "level": [], "source": 0},
                        ]
                    },
                },
                {"P": ["Z"], "given": [], "level": [], "source": 0},
            ]
        },
    }


HOSTILE = st.text(min_size=1, max_size=8) | st.sampled_from(
    ["{", "}", "\\", "}{", "$x$", "%", "a_b^c~d", "#1", "&", '"', "'", "\n\n", "\\frac{", "Σ_{", "ß", "P(Y | X)", "²"]
)


class _Text:
    """A law whose text quotes any label, as the question language does."""

    def __init__(self, label: str) -> None:
        self.text = f"Bernoulli((X = {quoted(label)})*0.5)"

    def weight(self, state: object, states: object, covariates: object) -> float:
        return 1.0


def hostile(name: str, label: str) -> Expr:
    """An estimand whose every word comes from outside."""
    variable = Raw(name)
    symbol, primed = Symbol(variable), Symbol(variable, 2)
    value = AtState(label)
    held = Probability(
        (symbol,), (Held(primed, value), Held(Symbol(Raw(name + "2")), Policy(variable, (), _Text(label))))
    )
    return linear(
        [(1.0, held), (-2.5e-9, Probability((primed,), (Held(symbol, Policy(variable, (variable,), None)),)))]
    )


def balanced(words: str) -> bool:
    """Whether braces that group, and the parentheses that stretch, open and close in order."""
    depth = 0
    for mark in re.findall(r"\\\\|\\[{}]|[{}]", words):
        depth += {"{": 1, "}": -1}.get(mark, 0)
        if depth < 0:
            return False
    return depth == 0 and words.count("\\left(") == words.count("\\right)")


@settings(max_examples=300)
@given(HOSTILE, HOSTILE)
def test_hostile_names_cannot_break_a_formula(name: str, label: str) -> None:
    expr = hostile(name, label)
    formula = latex(expr)
    assert balanced(formula)
    assert "\n" not in formula
    outside = re.sub(r"\\[#$%&_{}]|\\textbackslash\{\}|\\text[a-z]+\{\}", "", formula)
    inside_text = "".join(re.findall(r"\\text\{[^{}]*\}", outside))
    assert not set("#$%&_^~\\") & set(re.sub(r"\\text\{", "", inside_text)), "marks that LaTeX reads as its own"


@settings(max_examples=300)
@given(HOSTILE, HOSTILE)
def test_hostile_names_stay_on_one_line(name: str, label: str) -> None:
    plain = text(hostile(name, label))
    assert "\n" not in plain and "\r" not in plain


@settings(max_examples=200)
@given(expressions)
def test_every_expression_renders(body: Expr) -> None:
    assert text(body)
    assert balanced(latex(body))
    assert json.loads(json.dumps(to_json(body), allow_nan=False)) == to_json(body)


@settings(max_examples=200)
@given(expressions)
def test_text_brackets_match(body: Expr) -> None:
    """No name here has brackets, so those of the text are the notation's own."""
    stack = []
    for mark in re.findall(r"[()\[\]{}]", text(body)):
        if mark in "([{":
            stack.append(mark)
        else:
            assert stack and stack.pop() + mark in ("()", "[]", "{}")
    assert not stack


def test_one_text_for_one_meaning() -> None:
    """Different small expressions must not read the same: brackets where a reader would need them."""
    a, b = Symbol(Raw("A")), Symbol(Raw("B"))
    p, q = Probability((a,)), Probability((b,))
    gap = Linear(((1.0, p), (-1.0, q)))
    texts = {
        text(Linear(((1.0, p), (-1.0, gap)))),
        text(Linear(((1.0, p), (-1.0, p), (-1.0, q)))),
        text(Linear(((1.0, p), (-1.0, p), (1.0, q)))),
        text(Linear(((2.0, Number(-1.0)), (1.0, p)))),
        text(Linear(((2.0, Number(1.0)), (1.0, p)))),
    }
    assert len(texts) == 5
