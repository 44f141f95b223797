"""What led to a verdict, in words that a reader can follow and a program can keep.

These are the small values that a verdict hands to the Answer: the steps taken, the certificate
of a "no", the reason of a refusal, and the estimand as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from umbel.expr.nodes import Expr
from umbel.expr.render import latex
from umbel.expr.words import latex_name, latex_words
from umbel.results.check import Check


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that was applied, in the user's words.

    Parameters
    ----------
    rule
        The rule's name: ``"collapse"``, ``"ancestral"``, ``"district"``.
    detail
        What it did here.
    before, after
        Names of the set that the rule was applied to, and of the set that came of it; empty where
        it speaks of no sets.
    law
        The law of ``after`` with everything else set, where the rule leads to one; two steps that
        differ in it alone are equal.

    Examples
    --------
    >>> print(Step("collapse", "student becomes the laws Q[A] and Q[Y | A]"))
    collapse: student becomes the laws Q[A] and Q[Y | A]
    >>> print(Step("district", "for {Z}: {X, Z} to {Z}", ("X", "Z"), ("Z",)).latex())
    \\text{district} & \\{X, Z\\} \\to \\{Z\\}
    """

    rule: str
    detail: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    law: Expr | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"

    def to_dict(self) -> dict[str, str | list[str]]:
        """Plain values, for JSON."""
        return {"rule": self.rule, "detail": self.detail, "before": list(self.before), "after": list(self.after)}

    def latex(self) -> str:
        """One row of a derivation: the rule, and the sets with the law they lead to, or the words."""
        if not self.before and not self.after:
            return f"{latex_words(self.rule)} & {latex_words(self.detail)}"
        what = f"{_latex_set(self.before)} \\to {_latex_set(self.after)}"
        if self.law is not None:
            what += f",\\quad Q[{_latex_set(self.after)}] = {latex(self.law)}"
        return f"{latex_words(self.rule)} & {what}"


def _latex_set(names: Sequence[str]) -> str:
    return "\\{" + ", ".join(map(latex_name, names)) + "\\}" if names else "\\varnothing"


def derivation_latex(steps: Sequence[Step], end: str) -> str:
    """Numbered steps as one LaTeX array, with a last row of its own.

    Examples
    --------
    >>> print(derivation_latex([Step("collapse", "by student")], "P(Y)"))
    \\begin{array}{rll}
    1. & \\text{collapse} & \\text{by student} \\\\
     & & P(Y)
    \\end{array}
    """
    rows = [f"{place}. & {step.latex()} \\\\" for place, step in enumerate(steps, start=1)]
    return "\n".join(["\\begin{array}{rll}", *rows, f" & & {end}", "\\end{array}"])


@dataclass(frozen=True, slots=True)
class Certificate:
    """Why a question is not identified, and what would change that.

    Parameters
    ----------
    kind
        ``"hedge"``, ``"positivity"``, ``"route"`` (this route fails; others may not).
    text
        The proof, in the user's words.
    remedies
        Measurements or experiments that would change the verdict, the cheapest first.

    Examples
    --------
    >>> Certificate("hedge", "A and Y share a hidden cause.", ("randomise A",)).remedies
    ('randomise A',)
    """

    kind: str
    text: str
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a question has no answer as it was asked, and what to name or change.

    Parameters
    ----------
    why, advice
        One sentence each.
    checks
        What was looked at before, where data were read: a "no" shows what it rests on.

    Examples
    --------
    >>> Refusal("Two treatments in plates are not answered yet.", "Ask for one of them.").advice
    'Ask for one of them.'
    """

    why: str
    advice: str
    checks: tuple[Check, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class EstimandView:
    """An estimand as a reader sees it: text, LaTeX, and the name of the strategy.

    Examples
    --------
    >>> EstimandView("∑_x P(x) P(y | a, x)", r"\\sum_x P(x) P(y \\mid a, x)", "back-door").strategy
    'back-door'
    """

    text: str
    latex: str
    strategy: str
