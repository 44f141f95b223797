"""Mixtures of treatment effects: designs with known classes, kinds of schools, and an experiment.

Tables of the designs are draws with a fixed seed, one line per cell with its count; what is true of
them stands in the notes. The insurance experiment is a table of counts of the RAND data as
statsmodels distributes them (public domain).
"""

from __future__ import annotations

from umbel.config.problem import StudySpec
from umbel.gallery.example import Example
from umbel.results.answer import VerdictWord

PAPER = "Mazaheri, Squires and Uhler, Synthetic potential outcomes and causal mixture identifiability, AISTATS, 2025"
WITHIN = "E[Y | T = 1, U] - E[Y | T = 0, U]"
TWO = "classes U = 2"


def _design(name: str, title: str, figure: str, graph: str, table: str, notes: str) -> Example:
    """A design in which class effects are identified, with a draw of it."""
    return Example(
        name=name,
        title=title,
        paper=PAPER,
        figure=figure,
        graph=graph,
        question="MTE(T, Y | U)",
        verdict="identified",
        formula=WITHIN,
        data=StudySpec(table=table, count="n"),
        notes=notes,
    )


DESIGNS = (
    _design(
        "classes-main",
        "The published experiment: two classes, opposite effects",
        "MAIN",
        f"U -> {{ Z X T Y }}; Z -> T -> Y; {TWO}",
        "mixture_main.csv",
        "Truth: effects -.75 and .75, one half each. The average effect is 0, and so is the naive one.",
    ),
    _design(
        "classes-close",
        "A hard design: weak proxies, effects close together",
        "design A",
        f"U -> {{ Z X1 X2 T Y }}; Z -> T -> Y; {TWO}",
        "mixture_a.csv",
        "Truth: effects .1 (share .65) and .3 (.35). The naive average is .251, the true one .17.",
    ),
    _design(
        "classes-opposite",
        "Two good proxies on either side",
        "design B",
        f"U -> {{ Z1 Z2 X1 X2 T Y }}; {{ Z1 Z2 }} -> T -> Y; {TWO}",
        "mixture_b.csv",
        "Truth: effects -.3 (share .4) and .5 (.6).",
    ),
    _design(
        "classes-transition",
        "A proxy that acts on the treatment: where three independent views fail",
        "design C",
        f"U -> {{ Z X T Y }}; Z -> T -> Y; {TWO}",
        "mixture_c.csv",
        "Truth: effects .2 (share .6) and .5 (.4). Likelihood for three independent views ends at .21 and .38.",
    ),
    _design(
        "classes-three",
        "Three classes",
        "design D3",
        "U -> { Z1 Z2 X1 X2 T Y }; { Z1 Z2 } -> T -> Y; classes U = 3",
        "mixture_d3.csv",
        "Truth: effects -.5 (share .3), .15 (.4) and .7 (.3).",
    ),
)

KINDS = Example(
    name="kinds-of-schools",
    title="Kinds of schools: a covariate of five pupils identifies what hierarchy cannot",
    paper="umbel: a hidden class of the unit, with its members as proxies",
    figure="A4a with classes",
    graph="plate pupil { A Y }; U -> { A Z Y X }; A -> { Z Y }; Z -> Y; classes U = 2",
    question="E[Y | do(A ~ Bernoulli(0.8))] - E[Y | do(A ~ Bernoulli(0.2))]",
    verdict="identified",
    formula=(
        "(∫_{Q[Y|A]} (Σ_{U, Z} P(U) P(Z | U, Q[A] = Bernoulli(0.8)) P(Q[Y|A] | U, Z)) "
        "(Σ_{A} [A ~ Bernoulli(0.8)] E_Q[Y | A])) - "
        "(∫_{Q[Y|A]} (Σ_{U, Z} P(U) P(Z | U, Q[A] = Bernoulli(0.2)) P(Q[Y|A] | U, Z)) "
        "(Σ_{A} [A ~ Bernoulli(0.2)] E_Q[Y | A]))"
    ),
    data=StudySpec(
        table="kinds_of_schools_pupils.csv", units=(("", "kinds_of_schools.csv"),), unit=("school",), count="n"
    ),
    references=("Weinstein and Blei, Hierarchical causal models, JMLR 27(37), 2026",),
    notes="Truth: .183. Schools compared as they are show .337, pupils within schools .09. X counts pupils, of five "
    "that were asked, who have the covariate; one would do with more schools.",
)

INSURANCE_PAPER = "Newhouse and the Insurance Experiment Group, Free for All?, Harvard University Press, 1993"
INSURANCE_GRAPH = (
    "U -> { Health Diseases Limits Coinsurance Visits }; Health -> Coinsurance -> Visits; Diseases <-> Limits; "
    "classes U = 2"
)


def _insurance(
    name: str, title: str, figure: str, question: str, verdict: VerdictWord, formula: str, notes: str
) -> Example:
    return Example(
        name=name,
        title=title,
        paper=INSURANCE_PAPER,
        figure=figure,
        graph=INSURANCE_GRAPH,
        question=question,
        verdict=verdict,
        formula=formula,
        data=StudySpec(table="insurance.csv", count="persons"),
        notes=notes,
    )


INSURANCE = (
    _insurance(
        "insurance-average",
        "Health insurance: the average effect, where an experiment has the answer",
        "RAND, average",
        "ATE(Coinsurance, Visits)",
        "identified",
        "Σ_{U} P(U) (E[Visits | Coinsurance = 1, U] - E[Visits | Coinsurance = 0, U])",
        "Cost sharing was randomised: the difference of means is -.0805. The classes are contradicted by the data, so "
        "that the bridge answers, and agrees.",
    ),
    _insurance(
        "insurance-classes",
        "Health insurance: class effects that the data contradict",
        "RAND, classes",
        "MTE(Coinsurance, Visits | U)",
        "identified",
        "E[Visits | Coinsurance = 1, U] - E[Visits | Coinsurance = 0, U]",
        "Identified by the graph and refused by the data: likelihood ratio 555.6 on 26 degrees of freedom.",
    ),
)

EXAMPLES: tuple[Example, ...] = (*DESIGNS, KINDS, *INSURANCE)
