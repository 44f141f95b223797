"""What is known: a source of data, as identification sees it.

One observational study is ``Source()``; a trial names what it randomised, at which doses and at
which level. The engine loops over a tuple of sources from its first line, so that a single study
is the tuple of length one.
"""

from __future__ import annotations

from dataclasses import dataclass

from umbel.variable import State


@dataclass(frozen=True, slots=True)
class Source:
    """One study, as far as identification reads it.

    Parameters
    ----------
    do
        Names of the variables that the study randomised.
    observed
        Names that it measured; None: every variable that is not latent.
    doses
        Values at which it set ``do``; None: every value.
    assigned
        Plate at which it randomised; None: each member on its own.
    selected
        Names of the variables by which its rows were kept.
    """

    do: tuple[str, ...] = ()
    observed: tuple[str, ...] | None = None
    doses: tuple[State, ...] | None = None
    assigned: str | None = None
    selected: tuple[str, ...] = ()


OBSERVATIONAL = Source()
