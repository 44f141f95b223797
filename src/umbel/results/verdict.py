"""The verdict on a question: identified with an estimand, bounded, not identified with a proof, or refused.

Every verdict carries its proof: an estimand that ``verify()`` compares with the true
interventional quantity of random models, exactly, or a certificate that a program can check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from umbel.expr.estimand import Estimand
from umbel.expr.macros import MacroForm
from umbel.model.programme import Programme
from umbel.model.proof import Proof
from umbel.model.query import Question
from umbel.model.render import question_latex
from umbel.results.check import Check
from umbel.results.step import Certificate, Refusal, Step, derivation_latex
from umbel.variable import State

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Identified:
    """The question has one answer in every model of the graph with the same observed law.

    Parameters
    ----------
    question
        What was asked.
    estimand
        What to compute.
    steps
        How it was found, in order.
    assumptions
        What it rests on, beyond the graph.
    remarks
        What a reader should know: whether hierarchy was needed, which theorem applies.
    proof
        What ``verify()`` works from.
    identified
        True on this verdict alone, so that ``if verdict.identified:`` narrows the type.

    Examples
    --------
    >>> import umbel
    >>> umbel.identify("Z -> X -> Y; Z -> Y", "P(Y | do(X))").estimand.text()
    'Σ_{Z} P(Y | X, Z) P(Z)'
    """

    question: Question
    estimand: Estimand
    steps: tuple[Step, ...]
    assumptions: tuple[str, ...]
    remarks: tuple[str, ...]
    proof: Proof
    identified: Literal[True] = True

    def __repr__(self) -> str:
        return f"<Identified ({self.estimand.strategy}): {self.question} = {self.estimand}>"

    def derivation_latex(self) -> str:
        r"""Question, steps and estimand as one LaTeX array, without dollar signs.

        Each row is a rule with the set of random variables before it and after it, and where a
        district is reached its law: ``Q[\{Y\}]`` is the law of Y with all else set.

        Examples
        --------
        >>> import umbel
        >>> print(umbel.identify("Z -> X -> Y; Z -> Y", "P(Y | do(X))").derivation_latex())
        \begin{array}{rll}
        1. & \text{ancestors} & \{Z, X, Y\} \to \{Z, Y\} \\
        2. & \text{factor} & \{Z, Y\} \to \{Z\} \\
        3. & \text{ancestral} & \{Z, X, Y\} \to \{Z\},\quad Q[\{Z\}] = P(Z) \\
        4. & \text{factor} & \{Z, Y\} \to \{Y\} \\
        5. & \text{district} & \{Z, X, Y\} \to \{Y\},\quad Q[\{Y\}] = P(Y \mid Z, X) \\
        6. & \text{sum} & \{Z, Y\} \to \{Y\} \\
         & & P(Y \mid \mathrm{do}(X)) = \sum_{Z} P(Y \mid X, Z) P(Z)
        \end{array}
        """
        return derivation_latex(self.steps, f"{question_latex(self.question)} = {self.estimand.latex()}")

    def verify(self, *, rng: np.random.Generator | None = None) -> Check:
        """Compare the estimand with the truth in random models, exactly.

        Flat estimands: random discrete models with the graph's latents. Nested ones: every erased
        edge as an identity on random tables inside a unit, the lowered graph as a flat model, and
        finite populations whose units reach the intervention's law.

        Parameters
        ----------
        rng
            Source of the random models; default: seed 0.

        Returns
        -------
        Check
            True when every comparison agrees to 1e-10; ``value`` is the largest difference.

        Examples
        --------
        >>> import umbel
        >>> bool(umbel.identify("X -> Z -> Y; X <-> Y", "P(Y | do(X))").verify())
        True
        """
        from umbel.simulate.verify import verify

        return verify(self, rng=rng)


@dataclass(frozen=True, slots=True)
class Bounded:
    """Not identified, and confined to an interval: response functions carry the question.

    Parameters
    ----------
    question
        What was asked.
    programmes
        For each value of what the question leaves free (none: one entry), what is to be bounded.
    certificate
        Why the question is not identified; None where that was not settled.
    steps
        How the programme was found.
    assumptions
        What it rests on, beyond the graph.
    remarks
        What a reader should know.
    proof
        What remedies are found from; None where identification was not settled.
    identified
        False.

    Examples
    --------
    >>> import umbel
    >>> umbel.identify("A -> Y; A <-> Y", "PNS(A, Y)").kind
    'linear'
    """

    question: Question
    programmes: tuple[tuple[tuple[tuple[str, State], ...], Programme], ...]
    certificate: Certificate | None
    steps: tuple[Step, ...]
    assumptions: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    proof: Proof | None = None
    identified: Literal[False] = False

    def __repr__(self) -> str:
        return f"<Bounded ({self.kind} programme): {self.question}; the numbers come from data>"

    @property
    def remedies(self) -> tuple[str, ...]:
        """Measurements, trials or exclusions that would identify the question; see :attr:`Unidentified.remedies`.

        Examples
        --------
        >>> import umbel
        >>> umbel.identify("A -> Y; A <-> Y; states A = 2; states Y = 2", "P(Y=1 | do(A=1))").remedies
        ('randomise A', 'rule out the hidden cause of A and Y')
        """
        from umbel.identification.remedies import remedies_of

        return () if self.proof is None else remedies_of(self.proof)

    def derivation_latex(self) -> str:
        """Question and steps as one LaTeX array, without dollar signs."""
        return derivation_latex(self.steps, f"{question_latex(self.question)} \\text{{ is bounded}}")

    @property
    def kind(self) -> str:
        """Kind of the programme: "linear", "fractional", "multilinear", "multilinear fractional"."""
        return self.programmes[0][1].kind

    def verify(self, *, rng: np.random.Generator | None = None) -> Check:
        """Bound random models from their exact laws, and look whether the truth lies inside.

        Examples
        --------
        >>> import umbel
        >>> bool(umbel.identify("A -> Y; A <-> Y", "PNS(A, Y)").verify())
        True
        """
        from umbel.simulate.bounded import verify_bounds

        return verify_bounds(self, rng=rng)


@dataclass(frozen=True, slots=True)
class Unidentified:
    """Two models agree on everything observed and differ on the question, or no route is known.

    ``certificate.kind`` says which: "hedge" is a proof, "route" says that this route finds none.
    Its own ``remedies`` are filled in an Answer; here they are found when they are asked for.

    Parameters
    ----------
    question
        What was asked.
    certificate
        Why not.
    steps
        As far as the rules lead.
    remarks
        What a reader should know.
    proof
        What ``verify()`` and ``remedies`` work from.
    identified
        False.

    Examples
    --------
    >>> import umbel
    >>> umbel.identify("X -> Y; X <-> Y", "P(Y | do(X))").certificate.kind
    'hedge'
    """

    question: Question
    certificate: Certificate
    steps: tuple[Step, ...]
    remarks: tuple[str, ...]
    proof: Proof
    identified: Literal[False] = False

    def __repr__(self) -> str:
        return f"<Unidentified ({self.certificate.kind}): {self.question}. {self.certificate.text}>"

    def derivation_latex(self) -> str:
        """Question and steps as one LaTeX array, without dollar signs: as far as the rules lead, and what is left."""
        words = "is not identified by this route" if self.certificate.kind == "route" else "is not identified"
        return derivation_latex(self.steps, f"{question_latex(self.question)} \\text{{ {words}}}")

    @property
    def remedies(self) -> tuple[str, ...]:
        """Measurements, trials or exclusions that would change the verdict, each by itself.

        Found by asking the engine again, so not before they are asked for.

        Examples
        --------
        >>> import umbel
        >>> umbel.identify("latent U; U -> { X Y }; X -> Y", "P(Y | do(X))").remedies[0]
        'measure U'
        """
        from umbel.identification.remedies import remedies_of

        return self.certificate.remedies or remedies_of(self.proof)

    def verify(self, *, rng: np.random.Generator | None = None) -> Check:
        """Check the certificate with a program that shares no code with the engine.

        Examples
        --------
        >>> import umbel
        >>> bool(umbel.identify("X -> Y; X <-> Y", "P(Y | do(X))").verify())
        True
        """
        from umbel.simulate.verify import verify

        return verify(self, rng=rng)


@dataclass(frozen=True, slots=True)
class Refused:
    """The question has no answer as it was asked: why, and what to name or change.

    Parameters
    ----------
    question
        What was asked.
    refusal
        Why, with advice.
    macro
        Where a total is set without a realisation: what data say of the range over all of them.
    identified
        False.

    Examples
    --------
    >>> import umbel
    >>> umbel.identify("T = sum(A, B); A -> Y; B -> Y", "E[Y | do(T=1)]").refusal.advice[:31]
    'Name one: do(T = 1 by natural),'
    """

    question: Question
    refusal: Refusal
    macro: MacroForm | None = None
    identified: Literal[False] = False

    def __repr__(self) -> str:
        return f"<Refused: {self.question}. {self.refusal.why} {self.refusal.advice}>"


Verdict = Identified | Bounded | Unidentified | Refused
