"""Closed forms of sharp bounds, as their authors printed them: nothing here solves a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Interval(NamedTuple):
    lower: float
    upper: float


@dataclass(frozen=True)
class Binary:
    """P(x, y) of treatment and outcome, and the two arms of a trial."""

    xy: float  # P(x=1, y=1)
    xY: float  # P(x=1, y=0)
    Xy: float  # P(x=0, y=1)
    XY: float  # P(x=0, y=0)
    y1: float  # P(y=1 | do x=1)
    y0: float  # P(y=1 | do x=0)

    @property
    def y(self) -> float:
        return self.xy + self.Xy

    @property
    def obs(self) -> list[list[float]]:
        return [[self.XY, self.Xy], [self.xY, self.xy]]

    @property
    def rct(self) -> list[list[float]]:
        return [[1 - self.y0, self.y0], [1 - self.y1, self.y1]]


def pns(one: Binary, *, obs: bool, rct: bool) -> Interval:
    """Tian and Pearl, "Probabilities of causation", UAI 2000, theorem 1 and its two cases."""
    low, high = [0.0], [1.0]
    if obs:
        high.append(one.xy + one.XY)
    if rct:
        low.append(one.y1 - one.y0)
        high += [one.y1, 1 - one.y0]
    if obs and rct:
        low += [one.y - one.y0, one.y1 - one.y]
        high.append(one.y1 - one.y0 + one.xY + one.Xy)
    return Interval(max(low), min(high))


def pn(one: Binary) -> Interval:
    """The same, theorem 2: necessity from both kinds of data."""
    return Interval(max(0.0, (one.y - one.y0) / one.xy), min(1.0, ((1 - one.y0) - one.XY) / one.xy))


def ps(one: Binary) -> Interval:
    """The same, theorem 3: sufficiency from both kinds of data."""
    return Interval(max(0.0, (one.y1 - one.y) / one.XY), min(1.0, (one.y1 - one.xy) / one.XY))


def manski(one: Binary) -> Interval:
    """Manski, "Nonparametric bounds on treatment effects", AER 1990."""
    x = one.xy + one.xY
    return Interval(one.xy - one.Xy - x, one.xy + (1 - x) - one.Xy)


def balke_pearl(p: list[list[list[float]]]) -> Interval:
    """Balke and Pearl, "Bounds on treatment effects from studies with imperfect compliance", JASA 1997.

    ``p[z][x][y] = P(x, y | z)``; written ``p(y x . z)`` in the paper's eight-term formulas.
    """

    def q(y: int, x: int, z: int) -> float:
        return p[z][x][y]

    low = max(
        q(1, 1, 1) + q(0, 0, 0) - 1,
        q(1, 1, 0) + q(0, 0, 1) - 1,
        q(1, 1, 0) - q(1, 1, 1) - q(1, 0, 1) - q(0, 1, 0) - q(1, 0, 0),
        q(1, 1, 1) - q(1, 1, 0) - q(1, 0, 0) - q(0, 1, 1) - q(1, 0, 1),
        -q(0, 1, 1) - q(1, 0, 1),
        -q(0, 1, 0) - q(1, 0, 0),
        q(0, 0, 1) - q(0, 1, 1) - q(1, 0, 1) - q(0, 1, 0) - q(0, 0, 0),
        q(0, 0, 0) - q(0, 1, 0) - q(1, 0, 0) - q(0, 1, 1) - q(0, 0, 1),
    )
    high = min(
        1 - q(0, 1, 1) - q(1, 0, 0),
        1 - q(0, 1, 0) - q(1, 0, 1),
        -q(0, 1, 0) + q(0, 1, 1) + q(0, 0, 1) + q(1, 1, 0) + q(0, 0, 0),
        -q(0, 1, 1) + q(1, 1, 1) + q(0, 0, 1) + q(0, 1, 0) + q(0, 0, 0),
        q(1, 1, 1) + q(0, 0, 1),
        q(1, 1, 0) + q(0, 0, 0),
        -q(1, 0, 1) + q(1, 1, 1) + q(0, 0, 1) + q(1, 1, 0) + q(1, 0, 0),
        -q(1, 0, 0) + q(1, 1, 0) + q(0, 0, 0) + q(1, 1, 1) + q(1, 0, 1),
    )
    return Interval(low, high)


POOLED = Binary(xy=0.3395, xY=0.3605, Xy=0.21, XY=0.09, y1=0.4895, y0=0.21)
"""Table 1 of Mueller and Pearl (2022), gender left out."""
SECOND = Binary(0.2, 0.2, 0.1, 0.5, 0.35, 0.15)
THIRD = Binary(0.25, 0.15, 0.05, 0.55, 0.6, 0.1)


def table(*cells: float) -> list[list[list[float]]]:
    """``p[z][x][y]`` from cells in the order y0x0, y0x1, y1x0, y1x1, for z=0 and then z=1."""
    return [[[cells[at], cells[at + 2]], [cells[at + 1], cells[at + 3]]] for at in (0, 4)]


LIPID = table(0.919, 0.0, 0.081, 0.0, 0.315, 0.139, 0.073, 0.473)
FIRST_RANDOM = table(0.420966, 0.21474, 0.09253, 0.271764, 0.279981, 0.211871, 0.199409, 0.308739)
SECOND_RANDOM = table(0.084747, 0.280731, 0.295038, 0.339484, 0.313559, 0.159617, 0.207618, 0.319206)


def stratum(p00: float, p01: float, p10: float, p11: float, y1: float, y0: float) -> Binary:
    """From cells in the order of (x, y)."""
    return Binary(xy=p11, xY=p10, Xy=p01, XY=p00, y1=y1, y0=y0)


STRATA = {
    "two": (
        (0.3, stratum(0.1045, 0.3948, 0.2316, 0.2691, 0.5635, 0.7728)),
        (0.7, stratum(0.2179, 0.3048, 0.2319, 0.2454, 0.5752, 0.428)),
    ),
    "three": (
        (0.2, stratum(0.4328, 0.1746, 0.1165, 0.2761, 0.7553, 0.2659)),
        (0.3, stratum(0.1548, 0.4203, 0.1292, 0.2957, 0.4701, 0.6477)),
        (0.5, stratum(0.2982, 0.5559, 0.0573, 0.0886, 0.6781, 0.696)),
    ),
}


def mueller_li_pearl(strata: tuple[tuple[float, Binary], ...]) -> Interval:
    """PNS with a covariate that is no effect: the average of each stratum's bounds (IJCAI 2022, theorem 4)."""
    ends = [(weight, pns(one, obs=True, rct=True)) for weight, one in strata]
    return Interval(sum(w * end.lower for w, end in ends), sum(w * end.upper for w, end in ends))
