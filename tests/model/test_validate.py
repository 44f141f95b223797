"""Questions that do not fit their graph: the message names the term, the value and the remedy."""

from __future__ import annotations

import pytest

from umbel.errors import QuestionError
from umbel.graph.mixed import Aggregate, Facts, Graph, Part
from umbel.model.parse import parse_question
from umbel.model.query import Question
from umbel.model.validate import check_question
from umbel.variable import Domain, Plate

NODES = ("Region", "U", "H", "Tutoring", "Score", "Arm", "Sales", "X1", "X2", "C", "A", "Y", "Birth weight")
EDGES = (("U", "Tutoring"), ("U", "Score"), ("Tutoring", "Score"), ("Arm", "Score"), ("C", "A"), ("A", "Y"))


def _graph() -> Graph:
    index = {name: place for place, name in enumerate(NODES)}
    flat = Graph.build(nodes=NODES, directed=EDGES, latent=("U", "H"))
    return Graph(
        names=flat.names,
        parents=flat.parents,
        siblings=flat.siblings,
        neighbours=flat.neighbours,
        plates=(Plate("student"), Plate("person", network=True)),
        plate_of=tuple({"Tutoring": 0, "Score": 0, "C": 1, "A": 1, "Y": 1}.get(name, -1) for name in NODES),
        latent=flat.latent,
        aggregates=(Aggregate(index["Sales"], "sum", (Part(index["X1"]), Part(index["X2"]))),),
        facts=Facts(
            classes=((index["U"], 2),),
            domains=(
                (index["Region"], Domain(("north", "south"))),
                (index["Arm"], Domain(("placebo", "low", "high"))),
                (index["A"], Domain((0, 1))),
                (index["C"], Domain((1, 2, 3))),
            ),
        ),
    )


GRAPH = _graph()

# question, and what the message must say
WRONG: tuple[tuple[str, str], ...] = (
    # Names.
    ("P(Scor | do(Tutoring))", "In P(Scor | do(Tutoring)): 'Scor' is no variable of the graph."),
    ("P(Scor | do(Tutoring))", "Did you mean 'Score'?"),
    ("P(score | do(Tutoring))", "Did you mean 'Score'?"),
    ("P(Score | do(Tutorin))", "'Tutorin' is no variable of the graph."),
    ("P(Score | do(Tutoring), Regoin)", "'Regoin' is no variable"),
    ("P(Score[Tutorin=1])", "'Tutorin' is no variable"),
    ("P(Score[Tutoring=1, Ar[Tutoring=0]])", "'Ar' is no variable"),
    ("PNS(Tutoring, Scor)", "In PNS(Tutoring, Scor): 'Scor'"),
    ("E[Score] - E[Scor]", "In E[Scor]: 'Scor'"),
    ("E[Score] / E[Scor]", "In E[Scor]: 'Scor'"),
    ("P(student | do(Tutoring))", "'student' is a plate. Possible: A, Arm"),
    ("P(Score.near | do(Tutoring))", "'Score.near' would be 'Score' of the neighbours, but 'Score' is in no network."),
    ("P(Scor.near | do(Tutoring))", "'Scor.near' is no variable"),
    # Latents.
    ("P(H | do(Tutoring))", "'H' is latent, so no data can answer this. Measure it and drop 'latent'"),
    ("P(Score | do(U))", "for effects in its classes ask MTE(A, Y | U)."),
    ("P(Score | do(Tutoring), U)", "'U' is latent"),
    ("P(Score[H=1])", "'H' is latent"),
    ("P(Score | do(Tutoring ~ q(H)))", "'H' is latent"),
    ("MTE(Tutoring, Score | H)", "'H' is latent without classes. To declare them, write 'classes H = 2' in the graph"),
    ("MTE(Tutoring, Score | Region)", "'Region' is observed, so its groups need no MTE. Ask E[… | do(…), Region]"),
    ("MTE(H, Score | U)", "'H' is latent"),
    # Overlap.
    ("P(Score | do(Score=1))", "do(…) sets 'Score', so nothing is left to ask of it."),
    ("P(Score, Tutoring | do(Tutoring))", "do(…) sets 'Tutoring'"),
    ("E[Score | do(Tutoring=1), Tutoring=0]", "use a subscript: E[Score[Tutoring=1] | Tutoring=0]."),
    ("ATE(Tutoring, Tutoring)", "'Tutoring' is both treatment and outcome."),
    ("MTE(Score, Score | U)", "'Score' is both treatment and outcome."),
    ("ATE(Tutoring, Score | Tutoring=1)", "such as E[Score[Tutoring=1] | Tutoring=1]."),
    # States.
    ('P(Score | Region="nrth")', '\'Region\' has no state "nrth". Its states: "north", "south".'),
    ('P(Score | Region="North")', 'Did you mean "north"?'),
    ("P(Score | do(Arm=1))", '\'Arm\' has no state 1. Its states: "placebo", "low", "high".'),
    ('P(Y | do(A="1"))', "'A' has no state \"1\". Its states: 0, 1. Did you mean 1?"),
    ("P(Y[A=2])", "'A' has no state 2"),
    ("P(Score[Tutoring=1, Arm[A=7]])", "'A' has no state 7"),
    (
        "E[Arm | do(A=1)]",
        "E needs numbers, and the states of 'Arm' are labels. Ask for a probability: P(Arm=\"high\" | …).",
    ),
    ("ATE(A, Arm)", "E needs numbers"),
    ("P(Y | do(A ~ Point(2)))", "'A' has no state 2"),
    ("P(Score | do(Arm ~ Bernoulli(0.5)))", "Bernoulli is for two states, but 'Arm' has 3"),
    ("P(Score | do(Arm ~ Normal(0, 1)))", "Normal draws real numbers, but 'Arm' has the states"),
    ("P(Score | do(Arm ~ Categorical(0.5, 0.5)))", "Categorical gives 2 probabilities; 'Arm' has 3 states"),
    # Laws.
    ("P(Y | do(A ~ Bernoulli(k*C)))", "'k' is no variable of the graph."),
    ("P(Y | do(A ~ Bernoulli(k*C)))", "A parameter to choose the best of is announced first: max[k] E[…]."),
    ("max[C] E[Y | do(A ~ Bernoulli(C))]", "max[…] names 'C', a variable of the graph."),
    (
        "P(Y | do(A ~ q(Y)))",
        "these laws make a cycle: A -> Y -> A. A law may read only what its treatment does not cause.",
    ),
    ("P(Y | do(A ~ q(A)))", "these laws make a cycle: A -> A."),
    ("P(Y | do(C ~ q(Y)))", "these laws make a cycle"),
    ("P(Y | do(A ~ q(Y.near)))", "these laws make a cycle"),
    ("P(Region | do(Arm ~ q(Tutoring)))", "reads 'Tutoring', which has a value for each student, not one."),
    ("P(Region | do(Arm ~ q(Tutoring)))", "Define a summary in the graph, such as M = mean(Tutoring), and read that."),
    ("P(Score | do(Tutoring ~ Bernoulli(0.1*Region)))", 'are labels, not numbers. Compare it: (Region = "north").'),
    ('P(Score | do(Tutoring ~ Bernoulli(Region = "noth")))', "'Region' has no state \"noth\""),
    # Realisations.
    ("E[Y | do(A = 1 by natural)]", "'by' is for an aggregate, and 'A' is none. Write do(A=…), or define it"),
    ("E[Y | do(Sales = 33 by shift(X3))]", "'X3' is no variable"),
    ("E[Y | do(Sales = 33 by shift(C))]", "'C' is no part of 'Sales'. Its parts: X1, X2."),
    ("E[Y | do(Sales = 33 by levers(C))]", "'C' is no part of 'Sales'"),
    ("E[Y | do(Sales = 33 by point(X1: 3))]", "point(…) sets every part of 'Sales'; it leaves out X2."),
    ("E[Y | do(Sales = 33 by point(X1: H, X2: 1))]", "'H' is latent"),
)


@pytest.mark.parametrize(("text", "part"), WRONG)
def test_message(text: str, part: str) -> None:
    with pytest.raises(QuestionError) as caught:
        check_question(GRAPH, parse_question(text))
    assert part in str(caught.value), str(caught.value)
    assert "\n" not in str(caught.value)


FITS = (
    "P(Score | do(Tutoring), Region)",
    "E[Score | do(Tutoring=1)] - E[Score | do(Tutoring=0)]",
    "E[Tutoring | do(Score=1)]",  # no ancestor: an effect of 0, not an error
    "P(Score | do(Tutoring ~ q(Region)))",
    'P(Score | do(Tutoring ~ Bernoulli(0.2 + 0.6*(Region = "north"))))',
    "P(Score | do(Arm ~ Categorical(0.2, 0.3, 0.5)))",
    'P(Score | do(Arm ~ Point("low")))',
    "P(Y | do(A ~ q(C, C.near)))",
    "P(Y.near | do(A))",
    "P(Y | do(A ~ q, C ~ q(A)))",  # C's own mechanism is replaced, so C may follow A
    "max[k1] E[Y | do(A ~ Bernoulli(k1*C))]",
    "PNS(Tutoring, Score | Region)",
    "P(Score[Tutoring=1]=1 | Tutoring=0)",
    "P(Score[Score=1])",  # overlap is allowed inside a subscript
    "E[Score[Tutoring=1] | Tutoring=0] - E[Score | Tutoring=0]",
    "MTE(Tutoring, Score | U)",
    "E[Y | do(Sales = 33 by natural)]",
    "E[Y | do(Sales by shift(X1))]",
    "E[Y | do(Sales = 33 by point(X1: Sales - X2, X2: 3))]",
    "E[Y | do(Sales=33)]",  # without a realisation it is refused later, with advice
    'P("Birth weight" | do(A))',
)


@pytest.mark.parametrize("text", FITS)
def test_fits_and_stays_as_it_is(text: str) -> None:
    question = parse_question(text)
    checked = check_question(GRAPH, question)
    assert checked == question and checked.text == text
    assert check_question(GRAPH, checked) == checked


def test_values_become_the_states_that_they_mean() -> None:
    for text in (
        "P(Y | do(A=true))",
        "P(Y | do(A=1.0))",
        "P(Y[A=true])",
        "P(Y | do(A ~ Point(true)))",
        "P(Y | A=true)",
    ):
        checked = check_question(GRAPH, parse_question(text))
        assert str(checked) == text.replace("true", "1").replace("1.0", "1")


def test_long_names_and_many_states_stay_on_a_short_line() -> None:
    name = "N" * 5_000
    graph = Graph.build(nodes=[name, *(f"V{i}" for i in range(5_000))])
    with pytest.raises(QuestionError) as caught:
        check_question(graph, Question.parse(f"P(V1 | do({name}a))"))
    assert len(str(caught.value)) < 600
