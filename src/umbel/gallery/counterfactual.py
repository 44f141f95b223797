"""Counterfactuals from trials and observation: bounds with closed forms, and Table 1 in both readings.

The drug study is Table 1 of Zaffalon, Antonucci, Huber and Cabañas (2023), after Mueller and Pearl:
a trial and a registry, women and men. The lipid trial is the one of Balke and Pearl; the drug against
pain is the legal case of Tian and Pearl.
"""

from __future__ import annotations

from umbel.config.problem import StudySpec
from umbel.gallery.example import Example

PAPER = (
    "Zaffalon, Antonucci, Huber and Cabañas, Learning to bound counterfactual inference in structural causal models "
    "from observational and randomised data, 2023"
)
TIAN_PEARL = "Tian and Pearl, Probabilities of causation: bounds and identification, UAI 2000"
MUELLER = "Mueller, Li and Pearl, Causes of effects: learning individual responses from population data, IJCAI 2022"
BALKE = "Balke and Pearl, Bounds on treatment effects from studies with imperfect compliance, JASA 92, 1997"
MANSKI = "Manski, Nonparametric bounds on treatment effects, American Economic Review 80, 1990"

REGISTRY = StudySpec(table="drug_observed.csv", count="persons")
TRIAL = StudySpec(table="drug_trial.csv", count="persons", do=("Treatment",))
WITH_GENDER = (
    "Gender -> Treatment -> Survival <- Gender; Treatment <-> Survival; "
    "states Gender = { female < male }; states Treatment = 2; states Survival = 2"
)
WITHOUT = "Treatment -> Survival; Treatment <-> Survival; states Treatment = 2; states Survival = 2"
PNS = "PNS(Treatment, Survival)"

BOTH = (
    "max{0, P(y | do x) - P(y | do x'), P(y) - P(y | do x'), P(y | do x) - P(y)} <= PNS <= "
    "min{P(y | do x), P(y' | do x'), P(x, y) + P(x', y'), P(y | do x) - P(y | do x') + P(x, y') + P(x', y)}"
)


def _drug(
    name: str,
    title: str,
    figure: str,
    question: str,
    notes: str,
    *,
    graph: str = WITH_GENDER,
    studies: tuple[StudySpec, ...] = (REGISTRY, TRIAL),
    formula: str = "",
    references: tuple[str, ...] = (),
) -> Example:
    """A line of Table 1."""
    return Example(
        name=name,
        title=title,
        paper=PAPER,
        figure=figure,
        graph=graph,
        question=question,
        verdict="bounded",
        formula=formula,
        data=studies,
        references=references,
        notes=notes,
    )


TABLE_ONE = (
    _drug(
        "drug",
        "Would the drug have made the difference? A trial and a registry together",
        "Table 1",
        PNS,
        "Sharp: the point .3845, half of .279 for women and half of .490 for men. The paper prints [.34, .43], which "
        "is left when gender is not in the model (see drug-without-gender). With gender, each group meets its own "
        "bounds, which are points, and so is their average.",
        formula=f"Σ_{{g}} P(g) × [within g: {BOTH}]",
        references=(MUELLER, TIAN_PEARL),
    ),
    _drug(
        "drug-without-gender",
        "The same data with gender left out of the model",
        "Table 1, pooled",
        PNS,
        "Sharp: [.3395, .4295], the paper's printed [.34, .43]. A model of treatment and survival alone has 8 joint "
        "response functions; the paper's own, with gender, has 64 and gives the point .3845.",
        graph=WITHOUT,
        formula=BOTH,
        references=(TIAN_PEARL,),
    ),
    _drug("drug-women", "The women alone", "Table 1, women", f'{PNS[:-1]} | Gender="female")', "Sharp: .279."),
    _drug("drug-men", "The men alone", "Table 1, men", f'{PNS[:-1]} | Gender="male")', "Sharp: .490."),
    _drug(
        "drug-observed",
        "The registry without the trial",
        "Table 1, observational",
        PNS,
        "Sharp: [0, .4295]; women [0, .279], men [0, .58].",
        studies=(REGISTRY,),
        formula="0 <= PNS <= P(x, y) + P(x', y')",
    ),
    _drug(
        "drug-trial",
        "The trial without the registry",
        "Table 1, interventional",
        PNS,
        "Sharp: [.2795, .4895]; women [.279, .489], men [.28, .49].",
        studies=(TRIAL,),
        formula="Σ_{g} P(g) × [within g: max{0, P(y | do x) - P(y | do x')} <= PNS <= min{P(y | do x), P(y' | do x')}]",
    ),
)

OTHERS = (
    Example(
        name="no-assumptions",
        title="An effect without any assumption: the registry's patients",
        paper=MANSKI,
        figure="no assumptions",
        graph=WITHOUT,
        question="ATE(Treatment, Survival)",
        verdict="bounded",
        formula="P(x, y) - P(x', y) - P(x) <= ATE <= P(x, y) - P(x', y) + P(x')",
        data=REGISTRY,
        notes="Sharp: [-.5705, .4295], always of length 1. The trial says .2795.",
    ),
    Example(
        name="lipid",
        title="A trial in which many did not take the drug: cholesterol and cholestyramine",
        paper=BALKE,
        figure="lipid",
        graph="Assigned -> Taken -> Improved; Taken <-> Improved; "
        "states Assigned = 2; states Taken = 2; states Improved = 2",
        question="ATE(Taken, Improved)",
        verdict="bounded",
        formula="max of eight terms <= ATE <= min of eight terms (Eq. 4 and 5 there)",
        data=StudySpec(table="lipid.csv", count="persons"),
        notes="Sharp: [.391, .779]; the paper, from cells rounded to three digits, prints [.392, .780]. "
        "Those who were assigned improve .464 more often, whether they took it or not.",
    ),
    Example(
        name="legal-case",
        title="Did the drug against pain kill Mr A? The probability of necessity",
        paper=TIAN_PEARL,
        figure="Table 2",
        graph="Drug -> Death; Drug <-> Death; states Drug = 2; states Death = 2",
        question="PN(Drug, Death)",
        verdict="bounded",
        formula="max{0, (P(y) - P(y | do x')) / P(x, y)} <= PN <= min{1, (P(y' | do x') - P(x', y')) / P(x, y)}",
        data=(
            StudySpec(table="pain_observed.csv", count="persons"),
            StudySpec(table="pain_trial.csv", count="persons", do=("Drug",)),
        ),
        notes="Sharp: the point 1. The trial alone would say that the drug hardly matters (16 deaths in 1,000 against "
        "14); two users died, so that the sampling interval is wide.",
    ),
)

EXAMPLES: tuple[Example, ...] = (*TABLE_ONE, *OTHERS)
