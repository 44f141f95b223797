"""The graphs of "Hierarchical causal models", each with its verdict and its formula.

Figures 1, 3-5, 11, A3, A4, A13, A14 and Appendix M.3 of Weinstein and Blei. Letters are the
paper's; ``plate subunit`` is its inner plate. Where the published formula needs a correction, the
note says so. Figure 11c is drawn from the text of section 7.3.
"""

from __future__ import annotations

from umbel.gallery import schools
from umbel.gallery.example import Example
from umbel.gallery.schools import PAPER

SOFT = "P(Y | do(A ~ q))"
CONDITIONAL = "P(Y | do(A ~ q(X)))"
HARD = "P(Y | do(A))"

_MIX = "(Σ_{A} Q(Y | A) q(A))"


def _identified(name: str, title: str, graph: str, formula: str, *, question: str = SOFT, notes: str = "") -> Example:
    """An identified figure whose name is its number."""
    return Example(
        name=name,
        title=title,
        paper=PAPER,
        figure=name,
        graph=graph,
        question=question,
        verdict="identified",
        formula=formula,
        notes=notes,
    )


def _unidentified(name: str, title: str, graph: str, *, question: str = SOFT, notes: str = "") -> Example:
    """A figure for which the paper's method finds no formula."""
    return Example(
        name=name,
        title=title,
        paper=PAPER,
        figure=name,
        graph=graph,
        question=question,
        verdict="unidentified",
        notes=notes,
    )


MOTIFS = (
    Example(
        name="unit-confounder",
        title="A hidden confounder that belongs to the unit",
        paper=PAPER,
        figure="1a",
        graph="plate subunit { A Y }; latent U; U -> { A Y }; A -> Y",
        question=SOFT,
        verdict="identified",
        formula=f"∫_{{Q[Y|A]}} P(Q[Y|A]) {_MIX}",
        notes="Fixed-effect models are the linear case.",
    ),
    Example(
        name="confounder-interference",
        title="A hidden confounder, and subunits that act on each other through the unit",
        paper=PAPER,
        figure="1b",
        graph="plate subunit { A Y }; latent U; U -> { A Y }; A -> { Y Z }; Z -> Y",
        question=SOFT,
        verdict="identified",
        formula=f"∫_{{Q[Y|A]}} (Σ_{{Z}} P(Z | Q[A] = q) ∫_{{Q[A]'}} P(Q[A]') P(Q[Y|A] | Q[A]', Z)) {_MIX}",
        notes="A front door through the unit: the interferer z must be measured.",
    ),
    Example(
        name="subunit-instrument",
        title="An instrument inside the unit, an outcome of the unit",
        paper=PAPER,
        figure="1c",
        graph="plate subunit { Z A }; latent U; U -> { A Y }; Z -> A -> Y",
        question=SOFT,
        verdict="identified",
        formula="∫_{Q[A|Z]} P(Q[A|Z]) P(Y | Q[A] = q, Q[A|Z])",
        notes="No shape is assumed of the outcome; q must be a mixture of the laws of A given Z in each unit.",
    ),
)

TEXT_FIGURES = (
    _identified(
        "3",
        "More treatment for some: a law given a covariate",
        "plate subunit { X A Y }; latent U; U -> { A Y }; X -> { A Y }; A -> Y",
        "∫_{Q[X], Q[Y|A,X]} P(Q[X], Q[Y|A,X]) (Σ_{A, X} Q(X) q(A | X) Q(Y | A, X))",
        question=CONDITIONAL,
    ),
    _identified(
        "4a",
        "A flat graph: averages of units",
        "X -> Y <- A",
        "P(Y | A)",
        question=HARD,
    ),
    _identified(
        "5a",
        "A subunit outcome with a cause in the unit",
        "plate subunit { A Y }; X -> Y <- A",
        f"∫_{{Q[Y|A]}} P(Q[Y|A]) {_MIX}",
    ),
    _identified(
        "5c",
        "A unit outcome of a subunit treatment",
        "plate subunit { A }; X -> Y <- A",
        "Σ_{X} P(X) P(Y | Q[A] = q, X)",
    ),
)

IDENTIFIED_FIGURES = (
    _identified(
        "A3a",
        "A confounded covariate inside the unit, an outcome of the unit",
        "plate subunit { A W }; latent U; U -> { A W }; A -> { W Y }; W -> Y",
        "∫_{Q[W|A]} P(Q[W|A]) P(Y | Q[A] = q, Q[W|A])",
        notes="Theorem 12, condition 1.",
    ),
    _identified(
        "A3c",
        "A confounded mediator inside the unit",
        "plate subunit { A Z Y }; latent U; U -> { A Z Y }; A -> { Z Y }; Z -> Y",
        "∫_{Q[Z|A], Q[Y|A,Z]} P(Q[Z|A], Q[Y|A,Z]) (Σ_{A, Z} q(A) Q(Z | A) Q(Y | A, Z))",
        notes="Theorem 12, condition 1.",
    ),
    _identified(
        "A3e",
        "An interferer with a confounder of its own",
        "plate subunit { A Z }; latent U, U2; U -> { A Z }; A -> { Z W Y }; W -> { Y Z }; Z -> Y; U2 -> { W Y }",
        "Σ_{W} ∫_{Q[Z|A]} P(W | Q[A] = q) (∫_{Q[A]'} P(Q[A]') P(Q[Z|A] | Q[A]', W)) P(Y | Q[A] = q, W, Q[Z|A])",
        notes="Theorem 12, condition 1.",
    ),
    _identified(
        "A3g",
        "A law given a covariate, with interference",
        "plate subunit { X A Y }; latent U; U -> { A X Y }; X -> { A Y Z }; A -> { Z Y }; Z -> Y",
        "∫_{Q[X], Q[Y|A,X]} (Σ_{Z} P(Z | Q[A|X] = q, Q[X]) "
        "∫_{Q[A|X]'} P(Q[X], Q[A|X]') P(Q[Y|A,X] | Q[A|X]', Q[X], Z)) "
        "(Σ_{A, X} Q(X) q(A | X) Q(Y | A, X))",
        question=CONDITIONAL,
    ),
    _identified(
        "A3j",
        "An instrument inside the unit beside a covariate",
        "plate subunit { Z X A }; latent U; U -> { A X Y }; Z -> A; X -> { A Y }; A -> Y",
        "∫_{Q[X], Q[A|X,Z]} P(Q[X], Q[A|X,Z]) P(Y | Q[A|X] = q, Q[A|X,Z], Q[X])",
        question=CONDITIONAL,
        notes="Theorem 12, condition 2.",
    ),
    _identified(
        "A3m",
        "An instrument inside the unit, a mediator of the unit",
        "plate subunit { Z A Y }; latent U; U -> { A W Y }; Z -> A; A -> { W Y }; W -> Y",
        f"∫_{{Q[Y|A]}} (Σ_{{W}} ∫_{{Q[A|Z]}} P(Q[A|Z]) P(W | Q[A] = q, Q[A|Z]) P(Q[Y|A] | Q[A] = q, Q[A|Z], W)) {_MIX}",
        notes="Theorem 12, condition 2; two laws are augmented.",
    ),
    _identified(
        "A3p",
        "A front door through the law of a mediator",
        "plate subunit { A Z W }; latent U; U -> { A W Y }; A -> W; Z -> W; W -> Y",
        "∫_{Q[W|A,Z], Q[W]} P(Q[W] | Q[A] = q, Q[W|A,Z]) (∫_{Q[A]'} P(Q[A]', Q[W|A,Z]) P(Y | Q[A]', Q[W|A,Z], Q[W]))",
        notes="Identified, and outside Theorem 12.",
    ),
)

UNIDENTIFIED_FIGURES = (
    _unidentified(
        "A4a",
        "A confounded interferer",
        "plate subunit { A Y }; latent U; U -> { A Z Y }; A -> { Z Y }; Z -> Y",
    ),
    _unidentified(
        "A4c",
        "A confounded instrument inside the unit",
        "plate subunit { Z A }; latent U1, U2; U1 -> { A Z }; U2 -> { A Y }; Z -> A -> Y",
    ),
    _unidentified(
        "A4f",
        "An interferer confounded with the treatment",
        "plate subunit { A Y }; latent U; U -> { A W }; A -> { W Y }; W -> Y",
    ),
    _unidentified(
        "A4h",
        "A treatment of the unit, confounders behind the subunits",
        "plate subunit { W Y }; latent U1, U2; U1 -> { A Y }; U2 -> { W Y }; A -> W -> Y",
        question=HARD,
        notes="Theorem 13.",
    ),
)

SCHOOLS = (
    _identified(
        "11a",
        "Eight schools: everything observed",
        "plate student { X A Y }; X -> Y <- A",
        f"∫_{{Q[Y|A]}} P(Q[Y|A]) {_MIX}",
        notes="Eq. (38), with Q(Y | A) = Σ_{X} Q(X) Q(Y | A, X).",
    ),
    _identified(
        "11b",
        "Eight schools: a hidden confounder of the school",
        "plate student { X A Y }; latent U; U -> { A X Y }; X -> Y <- A",
        f"∫_{{Q[Y|A]}} P(Q[Y|A]) {_MIX}",
        notes="Eq. (38), with Q(Y | A) = Σ_{X} Q(X) Q(Y | A, X).",
    ),
    _identified(
        "11c",
        "Eight schools: class size C carries interference, S students want tutoring",
        "plate student { X A Y }; latent U; U -> { A X Y }; X -> Y <- A; A -> C; S -> C -> Y",
        f"∫_{{Q[Y|A]}} (Σ_{{S, C}} P(C | Q[A] = q, S) ∫_{{Q[A]'}} P(S, Q[A]') P(Q[Y|A] | Q[A]', S, C)) {_MIX}",
        notes="Eq. (39), but with the same S in both factors: it matters where S has another way to Y, or to U.",
    ),
    *schools.EXAMPLES,
)

OTHERS = (
    _identified(
        "A13",
        "Fixed effects with a covariate",
        "plate subunit { X A Y }; latent U; U -> { A Y }; X -> { A Y }; A -> Y",
        "∫_{Q[X], Q[Y|A,X]} P(Q[X], Q[Y|A,X]) (Σ_{A, X} Q(X) q(A | X) Q(Y | A, X))",
        question=CONDITIONAL,
    ),
    _identified(
        "A14",
        "Peer effects: a hidden interferer and no confounder",
        "plate subunit { X A Y }; latent Z; X -> { A Y }; A -> { Z Y }; Z -> Y",
        "∫_{Q[X], Q[Y|A,X]} P(Q[X]) P(Q[Y|A,X] | Q[A|X] = q, Q[X]) (Σ_{A, X} Q(X) q(A) Q(Y | A, X))",
        notes="Eq. (77). The effect is that of the law of A given X, not of A; P(… | Q[A] = q) is the same.",
    ),
    Example(
        name="multisite-iv",
        title="An instrument at many sites, with confounders of site and subject",
        paper=PAPER,
        figure="M.3",
        graph="plate subunit { Z A Y C }; latent U, C; Z -> A -> Y; C -> { A Y }; U -> { A Y }",
        question=SOFT,
        verdict="unidentified",
        notes="Published estimators rest on linear models; without a shape there is no formula.",
    ),
)

EXAMPLES: tuple[Example, ...] = (
    *MOTIFS,
    *TEXT_FIGURES,
    *IDENTIFIED_FIGURES,
    *UNIDENTIFIED_FIGURES,
    *SCHOOLS,
    *OTHERS,
)
