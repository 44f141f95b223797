"""The eight schools: one example under a hidden confounder, one with interference beside it.

The second one's parametric form and priors stand here as values, because no text states them
(Weinstein and Blei, JMLR 27(37) 2026, Section 7 and Appendix L).
"""

from __future__ import annotations

from umbel.config.problem import MethodSpec, StudySpec, SummarySpec, VariableSpec
from umbel.gallery.example import Example
from umbel.model.priors import Gaussian, InterferenceAnalysis, InterferencePriors

PAPER = "Weinstein and Blei, Hierarchical causal models, JMLR 27(37), 2026"

REFERENCES = (
    "Alderman and Powers, The effects of special preparation on SAT-Verbal scores, "
    "American Educational Research Journal 17, 1980",
    "Rubin, Estimation in parallel randomized experiments, Journal of Educational Statistics 6, 1981",
)

APPENDIX_L2 = InterferenceAnalysis(
    "Weinstein and Blei, Appendix L.2",
    "number treated",
    "counts",
    InterferencePriors(
        share_logit=Gaussian(0.0, 10.0),
        share_precision=Gaussian(0.0, 10.0),
        size_mean=Gaussian(50.0, 100.0),
        size_sd=100.0,
        interferer_slopes=(Gaussian(0.0, 50.0),),
        interferer_intercept=Gaussian(10.0, 100.0),
        interferer_sd=10.0,
        effect_of_interferer=Gaussian(0.0, 100.0),
        effect_slopes=(Gaussian(0.0, 100.0),),
        effect_intercept=Gaussian(0.0, 500.0),
        effect_sd=5.0,
    ),
)
"""What the paper chose; pupils and SAT points are its measures."""

EXAMPLES = (
    Example(
        name="eight-schools",
        title="Eight schools: what coaching does to a test score",
        paper=PAPER,
        figure="L.1",
        graph="plate student { A Y }; latent U; U -> { A Y }; A -> Y",
        question="E[Y | do(A=1)] - E[Y | do(A=0)]",
        verdict="identified",
        formula="∫_{Q[Y|A]} P(Q[Y|A]) (Σ_{Y} Y Q(Y | A = 1) - Σ_{Y} Y Q(Y | A = 0))",
        data=StudySpec(
            units=(("", "eight_schools.csv"),),
            unit=("school",),
            summaries=(SummarySpec("E[Y | A=1] - E[Y | A=0]", "effect", "se"),),
            counts=(("A", ("controls", "treated")),),
        ),
        method=MethodSpec(level=0.9, location=5.0, scale=5.0),
        references=REFERENCES,
        notes="The published analysis: Normal(0, 5) and HalfCauchy(5) as priors. No pupil's data is public.",
    ),
    Example(
        name="eight-schools-interference",
        title="Eight schools: what coaching everybody would do, where classes grow",
        paper=PAPER,
        figure="L.2",
        graph="plate student { A }; latent U; U -> { A S Gain }; { A S } -> C -> Gain; S -> Gain",
        question="E[Gain | do(A = 1)]",
        verdict="identified",
        formula="Σ_{S, C} P(S) P(C | Q[A] = δ(1), S) ∫_{Q[A]'} P(Q[A]' | S) E[Gain | Q[A]', S, C]",
        data=StudySpec(
            units=(("", "eight_schools.csv"),),
            unit=("school",),
            summaries=(SummarySpec("E[Gain]", "effect", "se"),),
            counts=(("A", ("controls", "treated")),),
        ),
        variables=(
            VariableSpec("S", column="students", label="Pupils who want coaching"),
            VariableSpec("C", column="class_size", label="Size of a coaching class"),
            VariableSpec("Gain", column="effect", label="What coaching adds to the score", measure="SAT points"),
        ),
        method=MethodSpec(name="bayes", level=0.9, analysis=APPENDIX_L2),
        assumptions=(
            "Class size changes the scores of those who are coached and not of the others, so that the gain is the "
            "published difference within the school (Eq. 73).",
        ),
        references=REFERENCES,
        notes=(
            "Both lines read S and the share treated through their product, the number treated; size and class are "
            "positive, a class at most its own S. The published interval, -26 to 28, is neither of the two numbers: "
            "the accompanying notebook permutes C over the draws."
        ),
    ),
)
