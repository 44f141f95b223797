"""The one Answer: whatever happens, a question ends here.

The rungs are identified, bounded, unidentified and refused. An Answer holds the verdict's words
(question, estimand, steps, certificate) beside the numbers (estimate, bounds, rows) and where
they come from (checks, data, references). Its JSON form is described by ``answer.schema.json``
in this folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from umbel.errors import MissingExtra
from umbel.results.check import Check
from umbel.results.step import Certificate, EstimandView, Refusal, Step
from umbel.results.value import Bounds, DataSource, Estimate, Interval, LatentClass, Policy, Row, Seconds, finite
from umbel.version import __version__

SCHEMA_VERSION = 1

VerdictWord = Literal["identified", "bounded", "unidentified", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one question, however far the assumptions reach.

    Parameters
    ----------
    question
        The question's text.
    verdict
        ``"identified"``, ``"bounded"``, ``"unidentified"`` or ``"refused"``.
    title
        The problem's title; may be empty.
    graph
        The graph's text, so that the Answer can be read alone.
    estimand, steps, certificate, refusal
        What identification found.
    assumptions
        What the answer rests on, the user's own included.
    remarks
        What a reader should know of the verdict: whether the plates were needed, which theorem.
    estimate, bounds, classes, policy, table
        The numbers; None or empty where they do not apply.
    checks
        What was tested, with advice for what failed.
    data
        The tables that were read.
    references
        What to cite.
    seconds
        Wall time.

    Examples
    --------
    >>> from umbel.results.value import Estimate
    >>> answer = Answer(question="E[Y | do(A=1)]", verdict="identified", estimate=Estimate(0.5, interval=(0.4, 0.6)))
    >>> answer.value, answer.interval
    (0.5, (0.4, 0.6))
    >>> answer.to_dict()["verdict"]
    'identified'
    """

    question: str
    verdict: VerdictWord
    title: str = ""
    graph: str = ""
    estimand: EstimandView | None = None
    steps: tuple[Step, ...] = ()
    assumptions: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    certificate: Certificate | None = None
    refusal: Refusal | None = None
    estimate: Estimate | None = None
    bounds: Bounds | None = None
    classes: tuple[LatentClass, ...] | None = None
    policy: Policy | None = None
    table: tuple[Row, ...] = ()
    checks: tuple[Check, ...] = ()
    data: tuple[DataSource, ...] = ()
    references: tuple[str, ...] = ()
    seconds: Seconds = Seconds()

    @property
    def value(self) -> float | None:
        """The number that was asked for; None unless a number is identified."""
        if self.verdict != "identified" or self.estimate is None:
            return None
        return finite(self.estimate.value)

    @property
    def interval(self) -> Interval | None:
        """Its confidence or credible interval; None unless a number is identified."""
        if self.value is None or self.estimate is None:
            return None
        return _interval(self.estimate.interval)

    def rows(self) -> tuple[Row, ...]:
        """The numbers as a table, one row each; empty when nothing was estimated.

        An answer that is one number has one row; bounds have two, of kind "lower" and "upper".

        Examples
        --------
        >>> from umbel.results.value import Bounds
        >>> answer = Answer(question="PNS(A, Y)", verdict="bounded", bounds=Bounds(0.3, 0.4, "sharp"))
        >>> [(row.kind, row.value) for row in answer.rows()]
        [('lower', 0.3), ('upper', 0.4)]
        """
        if self.table:
            return self.table
        rows: list[Row] = []
        if self.estimate is not None:
            lower, upper = self.estimate.interval or (None, None)
            rows.append(
                Row(self.question, value=self.estimate.value, se=self.estimate.se, lower=lower, upper=upper),
            )
        if self.bounds is not None:
            outer_lower, outer_upper = self.bounds.interval or (None, None)
            rows.append(Row(self.question, kind="lower", value=self.bounds.lower, lower=outer_lower))
            rows.append(Row(self.question, kind="upper", value=self.bounds.upper, upper=outer_upper))
        return tuple(rows)

    def to_dict(self) -> dict[str, Any]:
        """The Answer as plain values for JSON: null where a field does not apply, never NaN.

        Values are str, float, bool, None, lists and dicts of them, hence ``Any``.
        """
        estimate, bounds, policy = self.estimate, self.bounds, self.policy
        return {
            "schema": SCHEMA_VERSION,
            "umbel": __version__,
            "title": self.title or None,
            "graph": self.graph or None,
            "question": self.question,
            "verdict": self.verdict,
            "estimand": self.estimand
            and {"text": self.estimand.text, "latex": self.estimand.latex, "strategy": self.estimand.strategy},
            "steps": [step.to_dict() for step in self.steps],
            "assumptions": list(self.assumptions),
            "remarks": list(self.remarks),
            "certificate": self.certificate
            and {
                "kind": self.certificate.kind,
                "text": self.certificate.text,
                "remedies": list(self.certificate.remedies),
            },
            "refusal": self.refusal and {"why": self.refusal.why, "advice": self.refusal.advice},
            "estimate": estimate
            and {
                "value": finite(estimate.value),
                "se": finite(estimate.se),
                "interval": _pair(estimate.interval),
                "level": finite(estimate.level),
                "method": estimate.method,
                "kind": estimate.kind,
                "seed": estimate.seed,
            },
            "bounds": bounds
            and {
                "lower": finite(bounds.lower),
                "upper": finite(bounds.upper),
                "kind": bounds.kind,
                "attained": _pair(bounds.attained),
                "interval": _pair(bounds.interval),
                "level": finite(bounds.level),
            },
            "classes": None
            if self.classes is None
            else [
                {"probability": finite(one.probability), "effect": finite(one.effect), "interval": _pair(one.interval)}
                for one in self.classes
            ],
            "policy": policy
            and {
                "k": {name: finite(number) for name, number in policy.k},
                "gain": finite(policy.gain),
                "interval": _pair(policy.interval),
            },
            "rows": [_row(row) for row in self.rows()],
            "checks": [check.to_dict() for check in self.checks],
            "data": [{"table": one.table, "rows": one.rows, "units": one.units} for one in self.data],
            "references": list(self.references),
            "seconds": {"identify": finite(self.seconds.identify), "estimate": finite(self.seconds.estimate)},
        }

    def summary(self, *, width: int = 80) -> str:
        """The Answer as text for a person, at most ``width`` columns wide."""
        from umbel.report.text import answer_text

        return answer_text(self, width=width)

    def cite(self) -> str:
        """What to cite for exactly this answer: umbel, then the papers it used, one a line.

        Examples
        --------
        >>> print(Answer(question="PNS(A, Y)", verdict="refused").cite())
        The umbel authors. umbel 0.1.0, 2026.
        """
        return "\n".join((f"The umbel authors. umbel {__version__}, 2026.", *_each_once(self.references)))

    def citing(self, *references: str) -> Answer:
        """The same Answer with further references in front, each once: one that another continues is left out.

        Examples
        --------
        >>> Answer(question="P(Y)", verdict="refused", references=("a", "b")).citing("b", "c").references
        ('b', 'c', 'a')
        """
        return replace(self, references=_each_once((*references, *self.references)))

    def to_frame(self) -> Any:
        """The rows as a pandas data frame, or a polars one where only polars is installed.

        The type depends on what is installed, hence ``Any``; conditions get a column each.

        Raises
        ------
        MissingExtra
            When neither is installed.
        """
        keys = sorted({name for row in self.rows() for name, _ in row.given})
        columns: dict[str, list[Any]] = {"term": [row.term for row in self.rows()]}
        columns |= {f"given {key}": [dict(row.given).get(key) for row in self.rows()] for key in keys}
        columns["kind"] = [row.kind for row in self.rows()]
        columns |= {
            name: [finite(getattr(row, name)) for row in self.rows()] for name in ("value", "se", "lower", "upper")
        }
        try:
            import pandas
        except ModuleNotFoundError:
            pass
        else:
            return pandas.DataFrame(columns)
        try:
            import polars
        except ModuleNotFoundError:
            raise MissingExtra("pandas", "frames") from None
        return polars.DataFrame(columns)

    def __str__(self) -> str:
        return self.summary()

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write the Answer as a self-contained HTML page.

        Raises
        ------
        InputError
            For a place that cannot be written.
        """
        from umbel.report.page import save_page

        save_page([self], path)

    def _repr_html_(self) -> str:
        from umbel.report.page import fragment

        return fragment(self)

    def __repr__(self) -> str:
        from umbel.report.text import answer_line

        return f"<Answer, {answer_line(self)}>"


def _each_once(references: Iterable[str]) -> tuple[str, ...]:
    """References without repeats: signs and case do not tell two apart, and the longer of two says where in the paper.

    Examples
    --------
    >>> _each_once(["Tian and Pearl, Causes, 2000", "Rubin. Trials.", "Tian and Pearl. Causes. 2000. Section 3."])
    ('Rubin. Trials.', 'Tian and Pearl. Causes. 2000. Section 3.')
    """
    letters = {one: "".join(filter(str.isalnum, one.casefold())) for one in references}
    first: dict[str, str] = {}
    for one, plain in letters.items():
        first.setdefault(plain, one)
    return tuple(
        one for plain, one in first.items() if not any(plain != other and other.startswith(plain) for other in first)
    )


def _interval(interval: Interval | None) -> Interval | None:
    return None if interval is None else (finite(interval[0]), finite(interval[1]))


def _pair(interval: Interval | None) -> list[float | None] | None:
    return None if interval is None else [finite(interval[0]), finite(interval[1])]


def _row(row: Row) -> dict[str, Any]:
    numbers = {name: finite(getattr(row, name)) for name in ("value", "se", "lower", "upper")}
    return {"term": row.term, "given": dict(row.given), "kind": row.kind, **numbers}
