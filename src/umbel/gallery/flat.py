"""Flat tables: a job-training trial, and its question asked again without its control group.

LaLonde (1986) replaced the controls of a randomised trial by rows of a population survey, to see
whether adjustment finds the trial's answer. Tables: the 445 rows of Dehejia and Wahba (1999), and
the trial's 185 trainees beside 15,992 rows of the Current Population Survey, as the data sets
nsw_mixtape and cps_mixtape of the package causaldata hold them.
"""

from __future__ import annotations

from umbel.config.problem import StudySpec, VariableSpec
from umbel.gallery.example import Example

PAPER = "LaLonde, Evaluating the econometric evaluations of training programs, American Economic Review 76(4), 1986"
REFERENCES = (
    "Dehejia and Wahba. Causal effects in nonexperimental studies: reevaluating the evaluation of training programs. "
    "Journal of the American Statistical Association 94(448), 1999.",
)
EFFECT = "E[re78 | do(treat=1)] - E[re78 | do(treat=0)]"
EARNINGS = (VariableSpec("re78", label="Earnings in 1978", measure="dollars"),)
COVARIATES = "age educ black hisp marr nodegree re74 re75"

SURVEY = f"latent background; background -> {{ {COVARIATES} }}; {{ {COVARIATES} }} -> {{ treat re78 }}; treat -> re78"
"""Whatever joins the covariates is hidden; nothing hidden joins training and earnings."""

EXAMPLES = (
    Example(
        name="lalonde-trial",
        title="Job training, randomised",
        paper=PAPER,
        figure="NSW",
        graph="treat -> re78",
        question=EFFECT,
        verdict="identified",
        formula="E[re78 | treat = 1] - E[re78 | treat = 0]",
        data=StudySpec(table="lalonde_trial.csv"),
        variables=EARNINGS,
        references=REFERENCES,
        notes="Nobody chose training: the difference of means, 1,794 dollars, is the benchmark of the other two.",
    ),
    Example(
        name="lalonde-cps",
        title="Job training of the trainees, with controls from a survey",
        paper=PAPER,
        figure="CPS, trainees",
        graph=SURVEY,
        question="ETT(treat, re78)",
        verdict="identified",
        formula=(
            "E[re78 | treat = 1] - Σ_{X} P(X, treat = 1) E[re78 | X, treat = 0] / P(treat = 1), "
            "where X are the eight covariates"
        ),
        data=StudySpec(table="lalonde_cps.parquet"),
        variables=EARNINGS,
        references=REFERENCES,
        notes=(
            "The trial says 1,794 dollars, with a standard error of 671. Asked of the trainees alone, for whom the "
            "survey holds people alike, adjustment comes near it, and its interval holds it; that nothing hidden "
            "joins training and earnings is still an assumption that only the trial spares us."
        ),
    ),
    Example(
        name="lalonde-cps-everyone",
        title="Job training of everybody, with controls from a survey",
        paper=PAPER,
        figure="CPS, everyone",
        graph=SURVEY,
        question=EFFECT,
        verdict="identified",
        formula=("Σ_{X} P(X) (E[re78 | X, treat = 1] - E[re78 | X, treat = 0]), where X are the eight covariates"),
        data=StudySpec(table="lalonde_cps.parquet"),
        variables=EARNINGS,
        references=REFERENCES,
        notes=(
            "Identified if the graph is right, and still no answer to trust: nine in ten of these people could hardly "
            "have been trained, the overlap check fails, and the estimate is far from the trial's 1,794 dollars. What "
            "training would do to them, no trainee tells."
        ),
    ),
)
