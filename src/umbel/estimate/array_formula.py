"""The formulas of a policy, worked on whole columns at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import assert_never

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from umbel.model.formula import Apply, Chain, Compare, Constant, Covariate, Formula, Negative

Array = NDArray[np.float64]
Words = Callable[[str, str], Array]
"""1 where a covariate has a state that is a word, 0 elsewhere."""

_FUNCTIONS: Mapping[str, Callable[..., Array]] = {
    "abs": np.abs,
    "exp": np.exp,
    "expit": expit,
    "log": np.log,
    "logit": logit,
    "max": lambda *given: reduce(np.maximum, given),
    "min": lambda *given: reduce(np.minimum, given),
    "sqrt": np.sqrt,
}
_ARITHMETIC: Mapping[str, Callable[[Array, Array], Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}
_COMPARISONS: Mapping[str, Callable[[Array, Array], NDArray[np.bool_]]] = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


class NoValue(ValueError):
    """A formula that has no value somewhere."""


def column_of(formula: Formula, read: Callable[[str], Array], words: Words | None = None) -> Array:
    """Value of a formula in every row.

    Parameters
    ----------
    formula
        As parsed; the same text worked on one row is :func:`umbel.model.formula.evaluate`.
    read
        The numbers of a covariate, by name.
    words
        Where covariates have words for states: which rows have one.

    Raises
    ------
    NoValue
        For arithmetic on words, and where a row has no finite value: a division by 0.

    Examples
    --------
    >>> risk = Apply("expit", (Chain(Constant(0.2), (("+", Covariate("X")),)),))
    >>> column_of(risk, lambda name: np.array([0.0, 1.0])).round(3).tolist()
    [0.55, 0.769]
    """
    with np.errstate(all="ignore"):
        found = np.asarray(_value(formula, read, words), dtype=np.float64)
    if not np.isfinite(found).all():
        raise NoValue("it is no finite number somewhere")
    return found


def _value(formula: Formula, read: Callable[[str], Array], words: Words | None) -> Array:
    match formula:
        case Constant(str() as word):
            raise NoValue(f"the label {word!r} is no number")
        case Constant(value):
            return np.asarray(float(value))
        case Covariate(name):
            return read(name)
        case Negative(operand):
            return -_value(operand, read, words)
        case Chain(first, rest):
            total = _value(first, read, words)
            for sign, operand in rest:
                total = _ARITHMETIC[sign](total, _value(operand, read, words))
            return total
        case Compare(Covariate(name), "=" | "!=" as sign, Constant(str() as word)) if words is not None:
            holds = words(name, word)
            return holds if sign == "=" else 1.0 - holds
        case Compare(left, sign, right):
            return _COMPARISONS[sign](_value(left, read, words), _value(right, read, words)).astype(np.float64)
        case Apply(function, arguments):
            return _FUNCTIONS[function](*(_value(one, read, words) for one in arguments))
        case _:
            assert_never(formula)
