"""Arithmetic over covariates, as it stands inside a policy: ``expit(0.2 + 0.6*X)``.

A formula is data: parsed, rendered and evaluated by these few nodes, never by the host language.
A chain holds a whole sum or a whole product, so that a long text makes a wide tree, not a deep one.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from umbel.variable import State


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, true or false; a label only as one side of a comparison or as a point."""

    value: State


@dataclass(frozen=True, slots=True)
class Covariate:
    """The value of a variable, or of a parameter that ``max[k]`` names."""

    name: str


@dataclass(frozen=True, slots=True)
class Negative:
    """Minus its operand; never of a constant, which carries its own sign."""

    operand: Formula


@dataclass(frozen=True, slots=True)
class Chain:
    """A sum (``+ -``) or a product (``* /``), worked from left to right.

    Parameters
    ----------
    first
        The leftmost operand.
    rest
        Pairs of a sign and an operand, at least one; the signs are all of one rank.
    """

    first: Formula
    rest: tuple[tuple[str, Formula], ...]

    @property
    def is_sum(self) -> bool:
        """Whether the signs are plus and minus."""
        return self.rest[0][0] in "+-"


@dataclass(frozen=True, slots=True)
class Compare:
    """1 where the comparison holds, 0 elsewhere: ``Score < 60``, ``Sex = "F"``."""

    left: Formula
    sign: str
    right: Formula


@dataclass(frozen=True, slots=True)
class Apply:
    """One of :data:`FUNCTIONS` of its arguments."""

    function: str
    arguments: tuple[Formula, ...]


Formula = Constant | Covariate | Negative | Chain | Compare | Apply


@dataclass(frozen=True, slots=True)
class Function:
    """A function that formulas know: how many arguments it takes, and its value."""

    least: int
    most: int | None
    value: Callable[..., float]


def _expit(x: float) -> float:
    # The form whose exponential cannot overflow, and keeps small probabilities exact.
    small = math.exp(-abs(x))
    return 1 / (1 + small) if x >= 0 else small / (1 + small)


FUNCTIONS: Mapping[str, Function] = {
    "abs": Function(1, 1, abs),
    "exp": Function(1, 1, math.exp),
    "expit": Function(1, 1, _expit),
    "log": Function(1, 1, math.log),
    "logit": Function(1, 1, lambda p: math.log(p) - math.log1p(-p)),
    "max": Function(2, None, max),
    "min": Function(2, None, min),
    "sqrt": Function(1, 1, math.sqrt),
}
"""What may stand before a round bracket in a formula."""

COMPARISONS: Mapping[str, Callable[[State, State], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""What may stand between two sides of a comparison."""

_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def operands(formula: Formula) -> tuple[Formula, ...]:
    """The formulas directly inside a formula, from left to right."""
    match formula:
        case Constant() | Covariate():
            return ()
        case Negative(operand):
            return (operand,)
        case Chain(first, rest):
            return (first, *(operand for _, operand in rest))
        case Compare(left, _, right):
            return (left, right)
        case Apply(_, arguments):
            return arguments
        case _:
            assert_never(formula)


def leaves(formula: Formula) -> Iterator[Constant | Covariate]:
    """Constants and covariates of a formula, from left to right."""
    if isinstance(formula, Constant | Covariate):
        yield formula
    for operand in operands(formula):
        yield from leaves(operand)


def reads(*formulas: Formula) -> tuple[str, ...]:
    """Names that formulas read, each once, in order of appearance.

    Examples
    --------
    >>> reads(Chain(Covariate("k"), (("*", Covariate("X")), ("*", Covariate("X")))))
    ('k', 'X')
    """
    found = (leaf for formula in formulas for leaf in leaves(formula))
    return tuple(dict.fromkeys(leaf.name for leaf in found if isinstance(leaf, Covariate)))


def evaluate(formula: Formula, values: Mapping[str, State]) -> float:
    """Value of a formula where covariates and parameters have these values.

    Parameters
    ----------
    formula
        The formula.
    values
        A value for each name of ``reads(formula)``.

    Raises
    ------
    ArithmeticError, ValueError, TypeError
        Where the formula has no value: a division by 0, the logarithm of 0, arithmetic on a label.

    Examples
    --------
    >>> risk = Chain(Constant(0.2), (("+", Chain(Constant(0.6), (("*", Covariate("X")),))),))
    >>> evaluate(Apply("expit", (risk,)), {"X": 1})
    0.6899744811276125
    """
    state = state_of(formula, values)
    if isinstance(state, str):
        raise TypeError(f"the label {state!r} is no number")
    return float(state)


def state_of(formula: Formula, values: Mapping[str, State]) -> State:
    """The state that a formula is, as ``Point`` needs it: a label where it is a label, else a number.

    Raises as :func:`evaluate` does.

    Examples
    --------
    >>> state_of(Constant("low"), {}), state_of(Compare(Covariate("Sex"), "=", Constant("F")), {"Sex": "F"})
    ('low', True)
    """
    match formula:
        case Constant(value):
            return value
        case Covariate(name):
            return values[name]
        case Negative(operand):
            return -evaluate(operand, values)
        case Chain(first, rest):
            result = evaluate(first, values)
            for sign, operand in rest:
                result = _ARITHMETIC[sign](result, evaluate(operand, values))
            return result
        case Compare(left, sign, right):
            return COMPARISONS[sign](state_of(left, values), state_of(right, values))
        case Apply(function, arguments):
            return FUNCTIONS[function].value(*(evaluate(argument, values) for argument in arguments))
        case _:
            assert_never(formula)
