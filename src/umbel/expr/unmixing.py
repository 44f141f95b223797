"""How a hidden class becomes a symbol of an estimand: which observed variables are views of it.

An estimand may speak of a latent class as if it were observed; this value says how its law is
recovered from what is (Mazaheri, Squires and Uhler, AISTATS 2025). Names only, so that estimators
need no graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from umbel.variable import State

Side = Literal["z", "x", "y"]


@dataclass(frozen=True, slots=True)
class ClassFactor:
    """One factor of the likelihood given the class: the law of ``of`` given ``given`` and the class.

    Parameters
    ----------
    of, given
        Names of observed variables.
    side
        ``"z"`` (proxies that may act on the treatment, and the treatment), ``"x"`` (those that do
        not) or ``"y"`` (the outcome).
    """

    of: tuple[str, ...]
    given: tuple[str, ...]
    side: Side


@dataclass(frozen=True, slots=True)
class Unmixing:
    """The views of a latent class.

    Parameters
    ----------
    latent
        The class variable.
    classes
        Their number; None when the data choose it by a rank test.
    treatment, outcome
        Names.
    z, x
        Proxies of either side.
    strata
        Observed variables within whose values all of this holds.
    factors
        The likelihood given the class, as the graph factorises it.
    level
        4: the average effect alone; 3: class effects, from proxies that may act on the treatment;
        2: the three views z, x and (treatment, outcome) are independent given the class.
    contrast
        What is asked: coefficients of ``E[Y | do(T = state)]``; empty: the mean at each state in turn.
    event
        Ask for the probability of this state of the outcome in place of its mean.
    by_class
        Whether it is asked within each class, or over all of them.
    given
        Observed variables whose values it is asked at, strata and proxies, each with the one value that
        is meant or None for all of them.

    Examples
    --------
    >>> factors = (ClassFactor(("Z", "T"), (), "z"), ClassFactor(("X",), (), "x"), ClassFactor(("Y",), ("T",), "y"))
    >>> Unmixing("U", 2, "T", "Y", ("Z",), ("X",), (), factors, 3).views
    ('Z', 'X', 'T', 'Y')
    """

    latent: str
    classes: int | None
    treatment: str
    outcome: str
    z: tuple[str, ...]
    x: tuple[str, ...]
    strata: tuple[str, ...]
    factors: tuple[ClassFactor, ...]
    level: int
    contrast: tuple[tuple[float, State], ...] = ()
    event: State | None = None
    by_class: bool = False
    given: tuple[tuple[str, State | None], ...] = ()

    @property
    def views(self) -> tuple[str, ...]:
        """Every observed variable that is read."""
        return (*self.strata, *self.z, *self.x, self.treatment, self.outcome)


@dataclass(frozen=True, slots=True)
class UnitUnmixing:
    """The views of a latent class of *units* whose members are the proxies.

    Parameters
    ----------
    latent
        The class variable, of the unit.
    classes
        Their number; None when the data choose it by a rank test.
    kind
        ``"proxy"``: one covariate tells the classes apart together with two further views of the
        unit. ``"replicates"``: several members' values of one covariate are the views.
        ``"covariates"``: two covariates and the rest are.
    covariates
        Names of the covariates; members', or the unit's.
    arm
        The view within whose values the others are independent; None where they are throughout.
    views
        The two other views, in words; one for replicates and covariates.
    members
        How many members of each unit must show the covariate; as for two classes where their number is tested.
    """

    latent: str
    classes: int | None
    kind: Literal["proxy", "replicates", "covariates"]
    covariates: tuple[str, ...]
    arm: str | None
    views: tuple[str, ...]
    members: int
