"""Policies under interference: two candidates who advertise against each other, and Figure 2 with Table 2.

Sherman, Arbour and Shpitser (2020). Formulas are theirs where they hold, and corrected where they do
not: in Figure 2 the kernel of the outcomes is the one of the graph before the policy, averaged over
the natural A2 (a front-door); the printed one conditions on what the policy has replaced.
"""

from __future__ import annotations

from umbel.config.problem import StudySpec, VariableSpec
from umbel.gallery.example import Example

PAPER = (
    "Sherman, Arbour and Shpitser, General identification of dynamic treatment regimes under interference, AISTATS 2020"
)
REFERENCES = (
    "Sherman and Shpitser. Identification and estimation of causal effects from dependent data. NeurIPS 2018.",
    "Lauritzen and Richardson. Chain graph models and their causal interpretations. JRSS B 64(3), 2002.",
)

FIGURE_1B = "Cl <-> Al; Cr <-> Ar; { Cl Cr } -> { Al Ar }; { Cl Cr Al Ar } -> { Yl Yr }; Yl -- Yr"
FIGURE_1C = "{ Cl Cr } -> { Al Ar }; { Cl Cr Al Ar } -> { Yl Yr }; Yl -- Yr; Al -- Ar"
FIGURE_2A = """
C1 -> A1; C2 -> A2; C3 -> A3
A1 -> M1; A2 -> M2; A3 -> M3
M1 -> Y1; M2 -> Y2; M3 -> Y3
A1 -> Y1; C2 -> Y2
A1 <-> C1; A1 <-> Y1; A2 <-> Y2; Y2 <-> Y3
C2 -- C3; M1 -- M2; M2 -- M3
"""
TABLE_2 = "A1 ~ q(C2), A2 ~ q(A3, C2, C3), A3 ~ q(A2, C3), M2 ~ q(A2, C2, M3), M3 ~ q(A3, M2)"

VARIABLES = (
    VariableSpec("Cl", label="Left candidate led before"),
    VariableSpec("Cr", label="Right candidate led before"),
    VariableSpec("Al", label="Left candidate attacks"),
    VariableSpec("Ar", label="Right candidate attacks"),
    VariableSpec("Yl", label="Left candidate gains"),
    VariableSpec("Yr", label="Right candidate gains"),
)
_SETTLED = "P*(M2, M3; q(M2 | C2, A2, M3), q(M3 | A3, M2)) P*(A2, A3; q(A2 | C2, C3, A3), q(A3 | A2, C3))"

_INSURED = "P*(Insured | Intensive, RiskAverse, Size, Insured.near, mean(Intensive.near))"

EXAMPLES = (
    Example(
        name="election",
        title="A candidate who attacks when ahead",
        paper=PAPER,
        figure="1b of policies",
        graph=FIGURE_1B,
        question="E[Yl | do(Al ~ Bernoulli(0.2 + 0.6*Cl))] - E[Yl | do(Al ~ Bernoulli(0.5))]",
        verdict="identified",
        formula=(
            "Σ_{Cl, Al, Cr, Ar} E[Yl | Al, Cl, Cr, Ar] "
            "([Al ~ Bernoulli(0.2 + 0.6*Cl)] - [Al ~ Bernoulli(0.5)]) P(Ar | Cl, Cr) P(Cl) P(Cr)"
        ),
        data=StudySpec(table="election_b.csv", count="races"),
        variables=VARIABLES,
        references=REFERENCES,
        notes=(
            "Equation (3) for a rule that looks at the candidate's own past alone. Each row is one race with both "
            "candidates: a sample of networks of two. Simulated."
        ),
    ),
    Example(
        name="election-best-response",
        title="A candidate who answers the other's advertisements",
        paper=PAPER,
        figure="1c of policies",
        graph=FIGURE_1C,
        question="E[Yl | do(Al ~ Bernoulli(0.2 + 0.6*Ar))] - E[Yl]",
        verdict="identified",
        formula=(
            "(Σ_{Cl, Cr, Al, Ar} E[Yl | Al, Cl, Cr, Ar] P*(Al, Ar; [Al ~ Bernoulli(0.2 + 0.6*Ar)], "
            "P(Ar | Cl, Cr, Al)) P(Cl) P(Cr)) - E[Yl]"
        ),
        data=StudySpec(table="election_c.csv", count="races"),
        variables=VARIABLES,
        references=REFERENCES,
        notes=(
            "The other candidate goes on as before, and both are read when they have settled. The new rule does not "
            "fit the old one, so that it matters who answers first: a check says how much. Simulated."
        ),
    ),
    Example(
        name="policies-figure-2",
        title="Three units, five new laws at once",
        paper=PAPER,
        figure="2a of policies",
        graph=FIGURE_2A,
        question=f"P(Y2, Y3 | do({TABLE_2}))",
        verdict="identified",
        formula=(
            f"Σ_{{C2, A2, C3, A3, M2, M3}} {_SETTLED} P(C2, C3) "
            "(Σ_{A2'} P(Y2 | A2', M2, C2) P(Y3 | A2', M2, M3, C2, Y2) P(A2' | C2))"
        ),
        references=REFERENCES,
        notes=(
            "The policies of Table 2 induce A2 -- A3, keep M2 -- M3, and let M1 hear M2 no more than it is heard. The "
            "printed functional leaves C1, M1 and Y1 free and conditions on A1 instead of averaging over A2: wrong by "
            "up to .01 in 200 random models."
        ),
    ),
    Example(
        name="policies-figure-2-y1",
        title="Three units: the one that stays in the dark",
        paper=PAPER,
        figure="2a of policies, first unit",
        graph=FIGURE_2A,
        question=f"P(Y1 | do({TABLE_2}))",
        verdict="unidentified",
        references=REFERENCES,
        notes="A1 and Y1 share a hidden cause and A1 acts on Y1: verify() shows two models that nothing tells apart.",
    ),
    Example(
        name="village-insurance",
        title="An insurance that neighbours talk about",
        paper=(
            "Cai, de Janvry and Sadoulet, Social networks and the decision to insure, "
            "American Economic Journal: Applied Economics 7(2), 2015"
        ),
        figure="social_insure",
        graph=(
            "network farmer { Intensive -> Insured; Trained = mean(Intensive.near); "
            "{ Trained RiskAverse Size } -> Insured; Insured -- Insured.near }"
        ),
        question=("E[Insured | do(Intensive ~ Bernoulli(0.8))] - E[Insured | do(Intensive ~ Bernoulli(0.2))]"),
        verdict="identified",
        formula=(
            f"E[Insured; Intensive ~ Bernoulli(0.8), {_INSURED}] - E[Insured; Intensive ~ Bernoulli(0.2), {_INSURED}]"
        ),
        data=StudySpec(table="village_insurance.csv", unit=("id",), edges="village_neighbours.csv"),
        variables=(
            VariableSpec("Insured", label="Buys the weather insurance"),
            VariableSpec("Intensive", label="Was invited to the long session"),
            VariableSpec("Size", label="Households of the village in the table"),
        ),
        references=(
            "Tchetgen Tchetgen, Fulcher and Shpitser. Auto-g-computation of causal effects on a network. "
            "Journal of the American Statistical Association 116, 2021.",
        ),
        notes=(
            "1,410 households; all of one natural village are taken for neighbours, since the table names no friends. "
            "Data: social_insure of the package causaldata. Sums over neighbours grow with the village: with sums and "
            "without Size the answer is -0.39, with an error of 0.07; with the mean and without Size the check on the "
            "number of neighbours fails."
        ),
    ),
    Example(
        name="friends-in-schools",
        title="Tutoring that friends at school pass on",
        paper=(
            "Weinstein and Blei, Hierarchical causal models, JMLR 27(37), 2026; Aronow and Samii, Estimating average "
            "causal effects under general interference, Annals of Applied Statistics 11(4), 2017"
        ),
        figure="1a with friends",
        graph=(
            "latent School; network pupil { Tutored Passed; Friends = mean(Tutored.near) }; "
            "School -> { Tutored Passed }; { Tutored Friends } -> Passed"
        ),
        question="E[Passed | do(Tutored ~ Bernoulli(0.8))] - E[Passed | do(Tutored ~ Bernoulli(0.2))]",
        verdict="identified",
        formula=(
            "∫_{Q[Passed|Tutored,Friends]} P(Q[Passed|Tutored,Friends]) (Σ_{Tutored, Friends} "
            "([Tutored ~ Bernoulli(0.8)] [Friends ~ mean(Tutored.near) under Tutored ~ Bernoulli(0.8)] - "
            "[Tutored ~ Bernoulli(0.2)] [Friends ~ mean(Tutored.near) under Tutored ~ Bernoulli(0.2)]) "
            "E_Q[Passed | Tutored, Friends])"
        ),
        data=StudySpec(table="friends_pupils.csv", unit=("school", "pupil"), edges="friends_pairs.csv"),
        variables=(
            VariableSpec("Tutored", label="Had a tutor"),
            VariableSpec("Passed", label="Passed the examination"),
        ),
        notes=(
            "80 schools of 90 pupils, and a second table of pairs of friends: each school has a network of its own, "
            "which says what a new share of tutored pupils means for the friends of each. The answer in the model that "
            "the tables were drawn from is 0.36. Without the friendships, plate pupil { Tutored -> Passed }, it would "
            "be 0.15: a pupil's own tutor and no more. Simulated."
        ),
    ),
)
