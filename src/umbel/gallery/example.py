"""A named example: a graph and a question from a paper, the verdict that is known, the data if any.

Examples are what a reader tries first and what the tests compare with: the verdict and the
formula stand here as the paper has them, never as the engine found them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from umbel.config.problem import MethodSpec, ProblemSpec, StudySpec, VariableSpec
from umbel.results.answer import VerdictWord

DATA = Path(__file__).parent / "data"
"""Tables that ship with the package; studies of examples name them relative to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One example of the gallery.

    Parameters
    ----------
    name, title
        What one types, and what one reads.
    paper, figure
        Where it comes from.
    graph, question
        In umbel's two languages.
    verdict
        The verdict that is known to be right.
    formula
        The estimand as the paper has it, in umbel's notation; empty where there is none.
        ``Q[Y|A]`` is the law of Y given A inside a unit, a variable that differs between units;
        ``Q(Y | A)`` is its value, ``q`` the law that the intervention puts in place, ``P`` a law
        of units.
    data, variables, method, assumptions
        As in a problem file, one study or several; an example without data is identified only.
    references
        What to cite beside the paper.
    notes
        What is worth knowing.

    Examples
    --------
    >>> example = Example(
    ...     name="bow", title="A bow", paper="none", figure="", verdict="unidentified",
    ...     graph="A -> Y; A <-> Y", question="P(Y | do(A))",
    ... )
    >>> example.problem().questions
    ('P(Y | do(A))',)
    """

    name: str
    title: str
    paper: str
    figure: str
    graph: str
    question: str
    verdict: VerdictWord
    formula: str = ""
    data: StudySpec | tuple[StudySpec, ...] | None = None
    variables: tuple[VariableSpec, ...] = ()
    method: MethodSpec = MethodSpec()
    assumptions: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    notes: str = ""

    def problem(self) -> ProblemSpec:
        """The example as a problem, ready to identify or solve."""
        return ProblemSpec(
            graph=self.graph,
            questions=(self.question,),
            title=self.title,
            assumptions=self.assumptions,
            studies=() if self.data is None else self.data if isinstance(self.data, tuple) else (self.data,),
            variables=self.variables,
            method=self.method,
            folder=DATA,
        )

    def to_dict(self) -> dict[str, str]:
        """What the list of examples says of it, for JSON."""
        return {
            "name": self.name,
            "title": self.title,
            "paper": self.paper,
            "figure": self.figure,
            "graph": self.graph,
            "question": self.question,
            "verdict": self.verdict,
            "formula": self.formula,
            "notes": self.notes,
        }
