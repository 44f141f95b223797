"""What is known: a source of data, as identification sees it.

One observational study is ``Experiment()``; a trial names what it set, at which doses and at which
level. The engine loops over a tuple of sources from its first line, so that a single study is the
tuple of length one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from umbel.errors import QuestionError, shown
from umbel.variable import State

EVERY = "all"
"""Every experiment is known: ``P(rest | do(X))`` for every set X at every value."""


UNITS = ""
"""The level of the units, whatever they are called."""


@dataclass(frozen=True, slots=True, init=False)
class Experiment:
    """One source: which variables it set and measured, at which doses, at which level, on which rows.

    Parameters
    ----------
    do
        Names of the variables that were set by hand or by lot; none: an observational study.
    observed
        Names that were measured; None: every variable that is not latent.
    doses
        Values at which ``do`` was set; None: every value. For a variable inside a plate a dose is
        a share, ``0.5``, a state that all members got, or a law, ``"Bernoulli(0.5)"``. A mapping
        gives the doses of each of several variables.
    assigned
        The level that was randomised: a plate, or the units under any name of theirs. None: each
        member on its own. Members randomised inside their unit leave its law at the one dose that
        was used, so without ``doses`` nothing is known of other laws.
    selected
        Names of the variables by which rows were kept.

    Raises
    ------
    QuestionError
        For doses that do not say of which variable they are.

    Examples
    --------
    >>> Experiment(do=("A",), observed=("W",), doses=(0.2, 0.8), assigned="school").doses
    (('A', (0.2, 0.8)),)
    """

    do: tuple[str, ...]
    observed: tuple[str, ...] | None
    doses: tuple[tuple[str, tuple[State, ...]], ...]
    assigned: str | None
    selected: tuple[str, ...]

    def __init__(
        self,
        do: str | Iterable[str] = (),
        observed: str | Iterable[str] | None = None,
        doses: Sequence[State] | Mapping[str, Sequence[State]] | None = None,
        assigned: str | None = None,
        selected: str | Iterable[str] = (),
    ) -> None:
        names = _names(do)
        values = {
            "do": names,
            "observed": None if observed is None else _names(observed),
            "doses": _doses(names, doses),
            "assigned": assigned,
            "selected": _names(selected),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)


def _names(names: str | Iterable[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))


def _doses(
    do: tuple[str, ...], doses: Sequence[State] | Mapping[str, Sequence[State]] | None
) -> tuple[tuple[str, tuple[State, ...]], ...]:
    if doses is None:
        return ()
    if not isinstance(doses, Mapping):
        if len(do) != 1:
            which = ", ".join(do) or "nothing"
            remedy = "Give a mapping: doses={'A': (0, 1)}"
            raise QuestionError(f"doses={tuple(doses)!r} belong to one variable, and do sets {which}. {remedy}.")
        doses = {do[0]: doses}
    for name, values in doses.items():
        if name not in do:
            raise QuestionError(f"Doses are given for {shown(name)}, which do=… does not set.")
        if isinstance(values, str) or not values:
            raise QuestionError(f"Doses of {shown(name)} are a list of values, such as (0.2, 0.8).")
    return tuple((name, tuple(values)) for name, values in doses.items())


OBSERVATIONAL = Experiment()
"""One observational study of all that is not latent."""
