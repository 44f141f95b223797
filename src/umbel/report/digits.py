"""How numbers are shown: as many digits as their error leaves meaning, and no more.

A value, its standard error and its interval stand at the same number of decimals, so that they
can be compared by eye: three significant digits of the error. A number without an error is shown
at four significant digits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from umbel.results.value import Interval

ERROR_DIGITS = 3
"""Significant digits of a standard error that are shown; its value and interval follow."""

MOST_DECIMALS = 7
"""Beyond these a number reads better as a power of ten."""

DUST = 1e-12
"""What is shown as zero: a solver's leftovers, far below any tolerance."""


def number(value: float | None, decimals: int | None = None) -> str:
    """A number at ``decimals``, else at four significant digits; a dash where there is none.

    Examples
    --------
    >>> number(4.39682), number(0.0), number(None), number(12345.678)
    ('4.397', '0', '–', '12346')
    >>> number(2.1, 3), number(1e-22, 3), number(-0.0004, 2)
    ('2.100', '0.000', '0.00')
    """
    if value is None:
        return "–"
    if decimals is not None and abs(value) < 1e9:
        text = f"{value:.{decimals}f}"
        return text.lstrip("-") if not text.strip("-0.") else text  # no negative zero
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def interval(pair: Interval | None, decimals: int | None = None) -> str:
    """An interval in brackets; a dash where there is none.

    Examples
    --------
    >>> interval((1.9187, 2.1096), 3), interval((None, 0.5)), interval(None)
    ('[1.919, 2.110]', '[–, 0.5]', '–')
    """
    return "–" if pair is None else f"[{number(pair[0], decimals)}, {number(pair[1], decimals)}]"


def decimals_of(values: Iterable[float | None], *, se: float | None = None, pair: Interval | None = None) -> int | None:
    """Decimals at which a value, its error and its interval are shown; None where nothing tells their precision.

    Parameters
    ----------
    values
        The numbers beside the error; they decide where one end of the interval is open.
    se
        The standard error; without it a fourth of the interval's width stands for it.
    pair
        The interval.

    Examples
    --------
    >>> decimals_of([2.0142], se=0.04878), decimals_of([1794.3], se=670.1), decimals_of([3.0], se=0.0) is None
    (4, 0, True)
    """
    spread = se or _spread([value for value in values if value is not None], pair)
    if not spread or not math.isfinite(spread) or spread < DUST:
        return None
    found = ERROR_DIGITS - 1 - math.floor(math.log10(spread))
    return max(found, 0) if found <= MOST_DECIMALS else None


def percent(share: float) -> str:
    """A level or a share in percent: ``95%``, ``97.5%``.

    Examples
    --------
    >>> percent(0.95), percent(0.975), percent(0.05 / 2)
    ('95%', '97.5%', '2.5%')
    """
    return f"{100 * share:.4g}%"


def _spread(values: list[float], pair: Interval | None) -> float:
    """What stands for a standard error: a fourth of the interval, or half the way to its one end."""
    ends = [end for end in pair or () if end is not None]
    if len(ends) == 2:
        return (ends[1] - ends[0]) / 4
    return max((abs(value - end) / 2 for value in values for end in ends), default=0.0)
