"""Bounds from tables: for people who bring their own numbers and need no graph text.

Every function takes probabilities or counts, bounds by the same programs as :func:`umbel.solve`,
and returns :class:`~umbel.results.value.Bounds`. Tables of counts get a sampling interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from umbel.errors import DataError, shown
from umbel.estimate.bounds import BoundsFound, BoundsMethod, bound
from umbel.estimate.bounds_arrays import Records
from umbel.estimate.credible import credible_probability
from umbel.graph.mixed import Graph
from umbel.identification.bounds import domains_of, programmes, unboundable
from umbel.model.equations import Equations
from umbel.model.inequality import Inequality
from umbel.model.query import Question
from umbel.model.validate import check_question
from umbel.numerics.tables import Table
from umbel.results.value import Bounds
from umbel.variable import Domain

__all__ = ["Inequality", "ate", "ate_by_instrument", "credible_probability", "pn", "pns", "ps", "query"]

CONFOUNDED = "X -> Y; X <-> Y"
WITH_COVARIATE = "Z -> { X Y }; X -> Y; X <-> Y"
INSTRUMENT = "Z -> X -> Y; X <-> Y"


def pns(obs: ArrayLike | None = None, rct: ArrayLike | None = None, *, level: float = 0.95) -> Bounds:
    """Probability of necessity and sufficiency, ``P(Y[X=1]=1, Y[X=0]=0)``; sharp.

    Parameters
    ----------
    obs
        Observational table, shape (2, 2): treatment by outcome, probabilities or counts. With a
        covariate that is no effect of either, shape (strata, 2, 2).
    rct
        Randomised table of the same shape; each arm is scaled by itself, whatever its size.
    level
        Of the sampling interval, for tables of counts.

    Returns
    -------
    Bounds
        Sharp; with a sampling interval where the tables are counts.

    Raises
    ------
    DataError
        For tables of another shape, negative entries, and tables that no model gives together.

    References
    ----------
    Tian and Pearl, "Probabilities of causation: bounds and identification", UAI 2000; Mueller, Li and
    Pearl, "Causes of effects: learning individual responses from population data", IJCAI 2022.

    Examples
    --------
    >>> found = pns(obs=[[0.09, 0.21], [0.3605, 0.3395]], rct=[[0.79, 0.21], [0.5105, 0.4895]])
    >>> round(found.lower, 4), round(found.upper, 4)
    (0.3395, 0.4295)
    """
    return _of("PNS(X, Y)", obs, rct, level)


def pn(obs: ArrayLike | None = None, rct: ArrayLike | None = None, *, level: float = 0.95) -> Bounds:
    """Probability of necessity, ``P(Y[X=0]=0 | X=1, Y=1)``; see :func:`pns` for the tables.

    Parameters
    ----------
    obs, rct
        Observational and randomised table, as :func:`pns` takes them.
    level
        Of the sampling interval, for tables of counts.

    Returns
    -------
    Bounds
        Sharp; with a sampling interval where the tables are counts.

    Raises
    ------
    DataError
        As :func:`pns`, and where nobody is treated with the outcome.

    Examples
    --------
    >>> found = pn(obs=[[0.5, 0.1], [0.2, 0.2]], rct=[[0.85, 0.15], [0.65, 0.35]])
    >>> round(found.lower, 4), round(found.upper, 4)
    (0.75, 1.0)
    """
    return _of("PN(X, Y)", obs, rct, level)


def ps(obs: ArrayLike | None = None, rct: ArrayLike | None = None, *, level: float = 0.95) -> Bounds:
    """Probability of sufficiency, ``P(Y[X=1]=1 | X=0, Y=0)``; see :func:`pns` for the tables.

    Parameters
    ----------
    obs, rct
        Observational and randomised table, as :func:`pns` takes them.
    level
        Of the sampling interval, for tables of counts.

    Returns
    -------
    Bounds
        Sharp; with a sampling interval where the tables are counts.

    Raises
    ------
    DataError
        As :func:`pns`, and where nobody is untreated without the outcome.

    Examples
    --------
    >>> found = ps(obs=[[0.5, 0.1], [0.2, 0.2]], rct=[[0.85, 0.15], [0.65, 0.35]])
    >>> round(found.lower, 4), round(found.upper, 4)
    (0.1, 0.3)
    """
    return _of("PS(X, Y)", obs, rct, level)


def ate(obs: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Average effect of a binary treatment on a binary outcome without any assumption.

    Parameters
    ----------
    obs
        Observational table, shape (2, 2): treatment by outcome, probabilities or counts.
    level
        Of the sampling interval, for tables of counts.

    Returns
    -------
    Bounds
        Sharp; with a sampling interval where the tables are counts.

    Raises
    ------
    DataError
        For tables of another shape and negative entries.

    References
    ----------
    Manski, "Nonparametric bounds on treatment effects", American Economic Review 80(2), 1990.

    Examples
    --------
    >>> found = ate([[0.5, 0.1], [0.2, 0.2]])
    >>> round(found.lower, 4), round(found.upper, 4)
    (-0.3, 0.7)
    """
    return _of("ATE(X, Y)", obs, None, level)


def ate_by_instrument(table: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Average effect with an instrument.

    Parameters
    ----------
    table
        Shape (instrument, treatment, outcome): probabilities given the instrument, or counts. Any
        number of instrument values; each is scaled by itself.
    level
        Of the sampling interval, for tables of counts.

    Returns
    -------
    Bounds
        Sharp; with a sampling interval where the tables are counts.

    Raises
    ------
    DataError
        For tables of another shape, negative entries, and tables that no instrument gives.

    References
    ----------
    Balke and Pearl, "Bounds on treatment effects from studies with imperfect compliance", JASA 92, 1997.

    Examples
    --------
    >>> found = ate_by_instrument([[[0.919, 0.081], [0.0, 0.0]], [[0.315, 0.073], [0.139, 0.473]]])
    >>> round(found.lower, 3), round(found.upper, 3)
    (0.392, 0.78)
    """
    array = _checked(table, (None, 2, 2), "table")
    return query(INSTRUMENT, "ATE(X, Y)", Table(("Z", "X", "Y"), _scaled(array, (1, 2))), level=level)


def query(
    graph: Graph | str,
    question: Question | str,
    *tables: Table,
    trials: Mapping[str, Table] | None = None,
    where: Sequence[Inequality | str] = (),
    equations: Equations | None = None,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> Bounds:
    """Bounds of any counterfactual in any flat graph, from tables with named axes.

    Parameters
    ----------
    graph, question
        Values, or their texts; the question is one number.
    tables
        Observational tables that hold every variable of the graph that is not latent.
    trials
        By the variable that was randomised (several: ``"A, B"``): tables of the same kind.
    where
        Declared inequalities on probabilities of the question language: values, or texts such as
        ``"P(Y[A=1]=0, Y[A=0]=1) <= 0.05"``.
    equations
        Given structural equations.
    level
        Of the sampling interval, for tables of counts.
    rng
        Source of the bootstrap; default: seed 0.

    Returns
    -------
    Bounds
        With their kind: sharp, or outer where the search ended before they were tight.

    Raises
    ------
    DataError
        For tables that do not fit, tables that no model of the graph gives together, and a level outside (0, 1).

    Examples
    --------
    >>> table = Table(("A", "Y"), [[0.5, 0.1], [0.2, 0.2]])
    >>> limit = "P(Y[A=1]=0, Y[A=0]=1) <= 0.05"
    >>> found = query("A -> Y; A <-> Y", "PNS(A, Y)", table, where=[limit])
    >>> round(found.lower, 4), round(found.upper, 4)
    (0.0, 0.7)
    """
    if not 0 < level < 1:
        raise DataError(f"level is {level:g}; it lies between 0 and 1, as in 0.95.")
    graph = Graph.parse(graph) if isinstance(graph, str) else graph
    question = check_question(graph, Question.parse(question) if isinstance(question, str) else question)
    refusal = unboundable(graph, question)
    if refusal is not None:
        raise DataError(f"{refusal.why} {refusal.advice}")
    known = domains_of(graph)
    for table in (*tables, *(trials or {}).values()):
        for name in table.axes:
            graph.index(name)
            states = Domain(table.states_of(name))
            if known.setdefault(name, states) != states:
                raise DataError(f"{shown(name)} has the states {states.states} in one table and {known[name].states}.")
    limits = [Inequality.parse(one) if isinstance(one, str) else one for one in where]
    everyone = [*tables, *(trials or {}).values()]
    # A table without a variable ties the components together, so that all of them are needed.
    whole = any(set(graph.names_of(graph.observed)) - set(table.axes) for table in everyone)
    found = programmes(graph, question, known, equations=equations, where=limits, whole=whole)
    if len(found) != 1:
        raise DataError(f"{shown(str(question))} leaves values free: name each, so that it is one number.")
    names = found[0][1].names
    studies = [_records(table, names, (), f"table {at + 1}") for at, table in enumerate(tables)]
    for words, table in (trials or {}).items():
        do = tuple(word.strip() for word in words.split(","))
        studies.append(_records(table, names, do, f"the trial of {words}"))
    rng = np.random.default_rng(0) if rng is None else rng
    result = bound(found[0][1], studies, rng=rng, method=BoundsMethod(level=level))
    if not isinstance(result, BoundsFound):
        raise DataError(f"{result.text} {result.remedies[0]}")
    return result.bounds


def _of(question: str, obs: ArrayLike | None, rct: ArrayLike | None, level: float) -> Bounds:
    if obs is None and rct is None:
        raise DataError("Bounds need a table: obs=... (observational), rct=... (randomised), or both.")
    seen = None if obs is None else _checked(obs, (2, 2), "obs")
    trial = None if rct is None else _checked(rct, (2, 2), "rct")
    strata = {array.shape[:-2] for array in (seen, trial) if array is not None}
    if len(strata) > 1:
        shapes = [array.shape for array in (seen, trial) if array is not None]
        raise DataError(f"obs has the shape {shapes[0]} and rct {shapes[1]}. Give both the same strata.")
    covariate = bool(next(iter(strata)))
    axes = ("Z", "X", "Y") if covariate else ("X", "Y")
    tables = [] if seen is None else [Table(axes, seen)]
    trials = {} if trial is None else {"X": Table(axes, _arms(trial, seen))}
    return query(WITH_COVARIATE if covariate else CONFOUNDED, question, *tables, trials=trials, level=level)


def _arms(trial: np.ndarray, seen: np.ndarray | None) -> np.ndarray:
    """Counts as they are; probabilities scaled so that each arm is a law, strata weighing as observed."""
    if trial.sum() > trial.size / 2 + 1e-6:
        return trial
    found = _scaled(trial, (trial.ndim - 1,))
    if trial.ndim == 2:
        return found
    weight = np.full(len(trial), 1 / len(trial)) if seen is None else seen.sum(axis=(1, 2)) / seen.sum()
    return np.asarray(found * weight[:, None, None] * len(trial))


def _scaled(array: np.ndarray, over: tuple[int, ...]) -> np.ndarray:
    """Probabilities that sum to one over all, equal weight for each remaining axis; counts as they are."""
    sums = array.sum(axis=over, keepdims=True)
    if array.sum() > sums.size + 1e-6:
        return array
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nan_to_num(array / sums) / sums.size)


def _checked(values: ArrayLike, shape: tuple[int | None, ...], name: str) -> np.ndarray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} is no table of numbers: {error}.") from None
    wanted = shape if len(shape) == 3 or array.ndim == 2 else (None, *shape)
    if array.ndim != len(wanted) or any(b is not None and a != b for a, b in zip(array.shape, wanted, strict=True)):
        raise DataError(f"{name} has the shape {array.shape}; treatment and outcome have two states each.")
    if not np.isfinite(array).all() or (array < 0).any() or not array.sum():
        raise DataError(f"{name} holds {shown(str(array.min()))}. Probabilities and counts are 0 or more, not all 0.")
    return array


def _records(table: Table, names: Sequence[str], do: tuple[str, ...], where: str) -> Records:
    for name in do:
        if name not in table.axes:
            raise DataError(f"{where} has no axis {shown(name)}, which it set. Its axes: {', '.join(table.axes)}.")
    if (table.array < 0).any() or not np.isfinite(table.array).all() or not table.array.sum():
        raise DataError(f"{where} holds negative or missing entries, or zeros alone.")
    cells = np.indices(table.array.shape).reshape(table.array.ndim, -1).T
    codes = np.full((len(cells), len(names)), -1, dtype=np.int64)
    for at, name in enumerate(table.axes):
        if name in names:
            codes[:, names.index(name)] = cells[:, at]
    counts = table.array.reshape(-1)
    population = abs(float(counts.sum()) - 1.0) < 1e-6
    kept = counts > 0
    return Records(codes[kept], counts[kept], tuple(names.index(name) for name in do), where, population)
