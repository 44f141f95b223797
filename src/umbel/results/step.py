"""What led to a verdict, in words that a reader can follow and a program can keep.

These are the small values that a verdict hands to the Answer: the steps taken, the certificate
of a "no", the reason of a refusal, and the estimand as text.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that was applied, in the user's words.

    Parameters
    ----------
    rule
        The rule's name: ``"collapse"``, ``"augment"``, ``"back-door"``.
    detail
        What it did here.

    Examples
    --------
    >>> print(Step("collapse", "student becomes the laws Q[A] and Q[Y | A]"))
    collapse: student becomes the laws Q[A] and Q[Y | A]
    """

    rule: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"


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

    Examples
    --------
    >>> Refusal("Two treatments in plates are not answered yet.", "Ask for one of them.").advice
    'Ask for one of them.'
    """

    why: str
    advice: str


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
