"""An estimand: what to compute, from which laws, and what the data must show for it.

The value that the symbolic and the numeric wing share. Estimators read nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from umbel.expr.build import free, leaves
from umbel.expr.macros import MacroForm
from umbel.expr.nodes import Expr, Held, Inside, Law, Level, Meaning, Probability, Slot, Symbol
from umbel.expr.render import latex, meaning_text, text, to_json
from umbel.expr.unmixing import UnitUnmixing, Unmixing
from umbel.variable import State

if TYPE_CHECKING:
    from umbel.numerics.tables import Table


@dataclass(frozen=True, slots=True)
class Need:
    """One statistic that an estimator must have: the joint law of ``of`` and ``given``.

    Parameters
    ----------
    of, given
        Meanings; laws among them are needed unit by unit.
    level
        Whose members are sampled.
    source
        Index of the study.
    inside
        True when the law is needed as the law of one unit's members, not across units.
    """

    of: tuple[Meaning, ...]
    given: tuple[Meaning, ...]
    level: Level
    source: int
    inside: bool


@dataclass(frozen=True, slots=True)
class Requirement:
    """A positivity condition that data turns into a Check.

    Parameters
    ----------
    kind
        ``"support"``: the intervention's law lies among those that units show, given the rest.
        ``"overlap"``: every condition occurs.
    text
        In the user's words.
    leaf
        The law that is conditioned on.
    """

    kind: str
    text: str
    leaf: Probability | Inside


@dataclass(frozen=True, slots=True)
class Estimand:
    """An identified quantity.

    Parameters
    ----------
    body
        The expression.
    axes
        Symbols of its free variables in the order of the question, outcomes first.
    strategy
        The name by which readers know it: "back-door", "front-door", …
    plates
        Names of the graph's plates.
    domains
        The states that the graph declares, by name.
    unmixing
        How the law of a latent class that ``body`` speaks of is recovered; None where it speaks of
        observed variables alone.
    macro
        The macro-intervention in numbers, for estimators that model the micro level; None where no
        total is set.

    Examples
    --------
    >>> import umbel
    >>> verdict = umbel.identify("X -> Z -> Y; X <-> Y", "P(Y | do(X))")
    >>> print(verdict.estimand.text())
    Σ_{Z} P(Z | X) (Σ_{X'} P(Y | X', Z) P(X'))
    """

    body: Expr
    axes: tuple[Symbol, ...]
    strategy: str
    plates: tuple[str, ...] = ()
    domains: tuple[tuple[str, tuple[State, ...]], ...] = ()
    unmixing: Unmixing | UnitUnmixing | None = None
    macro: MacroForm | None = None

    def text(self) -> str:
        """The estimand in one line of plain text."""
        return text(self.body)

    def latex(self) -> str:
        """The estimand as LaTeX, without dollar signs."""
        return latex(self.body)

    @property
    def free_nuisance(self) -> tuple[str, ...]:
        """Names that the formula reads at any value, though its value depends on none of them.

        That it does not is a constraint on the observed law (Verma and Pearl 1990), which data can
        fail: estimating from rows makes it a Check.

        Examples
        --------
        >>> import umbel
        >>> umbel.identify("W -> Z -> X -> Y; W <-> X; W <-> Y", "P(Y | do(X))").estimand.free_nuisance
        ('Z',)
        """
        left = free(self.body) - frozenset(self.axes)
        return tuple(sorted(meaning_text(symbol.meaning) for symbol in left))

    def to_json(self) -> dict[str, object]:
        """The estimand as nested dictionaries of plain values."""
        return to_json(self.body)

    def needs(self) -> tuple[Need, ...]:
        """The laws that must be known, each once: across units first, then inside units."""
        found: dict[Need, None] = {}
        laws: dict[Law, None] = {}
        for leaf in leaves(self.body):
            if isinstance(leaf, Probability):
                of, given = _meanings(leaf.of), _meanings(leaf.given)
                found[Need(of, given, leaf.level, leaf.source, False)] = None
                laws |= dict.fromkeys(law for law in (*of, *given) if isinstance(law, Law))
            elif isinstance(leaf, Inside) and isinstance(leaf.law.meaning, Law):
                laws[leaf.law.meaning] = None
        for law in _with_inner(laws):
            found |= dict.fromkeys(_inside_needs(law))
        return tuple(found)

    def requirements(self) -> tuple[Requirement, ...]:
        """The positivity conditions that the data must meet."""
        found: dict[str, Requirement] = {}
        for leaf in leaves(self.body):
            if isinstance(leaf, Probability) and leaf.given:
                requirement = _support(leaf)
            elif isinstance(leaf, Inside) and leaf.given:
                requirement = _overlap(leaf)
            else:
                continue
            found.setdefault(requirement.text, requirement)
        return tuple(found.values())

    def evaluate(
        self,
        joint: Table | list[Table] | tuple[Table, ...],
        *,
        laws: Mapping[str, Table] | None = None,
        scan: Sequence[str] | None = None,
    ) -> Table:
        """Evaluate exactly on a discrete joint law.

        Parameters
        ----------
        joint
            A :class:`umbel.Table` with one axis per observed variable, its states labelled or in the
            order in which the graph declares them. With plates its first
            axis is ``"unit"``, then one for each plate that holds a plate: a finite population
            in which each unit has its mass. For an estimand that reads several sources, one
            table per source in their order; what a source set is an axis of its table too.
        laws
            Tables of unspecified laws ``q``, keyed by treatment: first axis the treatment, then
            what the law reads.
        scan
            For blocks in equilibrium: their members in the order in which each in turn answers the
            others, over and over; None: at random, which favours nobody.

        Returns
        -------
        Table
            Axes follow the question, outcomes first; no axis for a single number. NaN where
            the estimand conditions on an event of probability zero.

        Raises
        ------
        DataError
            For a table that lacks a variable or is no law.

        Examples
        --------
        >>> import umbel
        >>> verdict = umbel.identify("A -> Y", "E[Y | do(A=1)] - E[Y | do(A=0)]")
        >>> joint = umbel.Table(("A", "Y"), [[0.4, 0.1], [0.1, 0.4]])
        >>> round(float(verdict.estimand.evaluate(joint).array), 3)
        0.6
        """
        from umbel.expr.evaluate import evaluate

        return evaluate(self.body, joint, self.axes, plates=self.plates, laws=laws, domains=self.domains, scan=scan)

    def __repr__(self) -> str:
        return f"<Estimand ({self.strategy}): {self.text()}>"

    def _repr_latex_(self) -> str:
        """What a notebook shows."""
        return f"$\\displaystyle {self.latex()}$"

    def __str__(self) -> str:
        return self.text()


def _meanings(at: Sequence[Slot]) -> tuple[Meaning, ...]:
    return tuple((slot.symbol if isinstance(slot, Held) else slot).meaning for slot in at)


def _with_inner(laws: Mapping[Law, None]) -> Iterator[Law]:
    for law in laws:
        yield law
        yield from _with_inner({inner: None for inner in (*law.of, *law.given) if isinstance(inner, Law)})


def _inside_needs(law: Law) -> Iterator[Need]:
    for leaf in leaves(law.formula):
        if isinstance(leaf, Probability):
            yield Need(_meanings(leaf.of), _meanings(leaf.given), leaf.level, leaf.source, True)


def _support(leaf: Probability) -> Requirement:
    held = [slot for slot in leaf.given if isinstance(slot, Held)]
    others = ", ".join(meaning_text(m) for m in _meanings(leaf.given) if m not in _meanings(held))
    if any(isinstance(slot.symbol.meaning, Law) for slot in held):
        law = " and ".join(meaning_text(slot.symbol.meaning) for slot in held)
        words = f"some units have {law} at, or close to, the law that the intervention sets"
        return Requirement("support", words + (f", whatever {others}" if others else ""), leaf)
    names = ", ".join(map(meaning_text, _meanings(leaf.given)))
    return Requirement("overlap", f"every combination of {names} that the formula visits occurs", leaf)


def _overlap(leaf: Inside) -> Requirement:
    names = ", ".join(map(meaning_text, _meanings(leaf.given)))
    return Requirement("overlap", f"inside each unit every value of {names} occurs", leaf)
