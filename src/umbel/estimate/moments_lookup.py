"""Personal answers for people who were not in the study: rows of an Answer found by their proxies.

An Answer to "what effect is to be expected at these values of the proxies" holds every combination
that the study's rows show. A new row is one of them, or is refused by name: nothing is read into a
state that nobody showed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.data.fetching import fetch_columns
from umbel.data.study import Study
from umbel.data.values import categories, listed
from umbel.errors import DataError, shown
from umbel.results.answer import Answer
from umbel.results.value import Row
from umbel.variable import State

Array = NDArray[np.float64]
Key = tuple[State, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PersonalAnswers:
    """What is to be expected of every row, in their order.

    Parameters
    ----------
    effect, error
        Shape (rows,): the expected effect and its standard error; which class a row has stays unknown.
    interval
        Shape (rows, 2): of the effect, at the Answer's level.
    posterior, posterior_error
        Shape (rows, k): the probability of each class, by ascending effect, and its standard error.
    """

    effect: Array
    error: Array
    interval: Array
    posterior: Array
    posterior_error: Array


def personal_answers(answer: Answer, rows: object) -> PersonalAnswers:
    """Class probabilities and expected effects of new rows, from an Answer at values of their proxies.

    Parameters
    ----------
    answer
        To a question like ``E[Y | do(T=1), Z, X] - E[Y | do(T=0), Z, X]``, of a study with latent classes.
    rows
        Anything that a :class:`~umbel.Study` takes, or a Study whose columns have other names than the variables.

    Returns
    -------
    PersonalAnswers
        One entry per row.

    Raises
    ------
    DataError
        For an Answer to another question, a hole, a state or a combination that the Answer does not hold.

    Examples
    --------
    >>> import umbel
    >>> from umbel.simulate.mixtures import design_main
    >>> rows = design_main(0.5).rows(20_000, rng=np.random.default_rng(0))
    >>> seen = umbel.Study({name: rows[name] for name in ("Z0", "X0", "T", "Y")})
    >>> graph = "U -> { Z0 X0 T Y }; Z0 -> T -> Y; classes U = 2"
    >>> answer = umbel.solve(graph, "E[Y | do(T=1), Z0, X0] - E[Y | do(T=0), Z0, X0]", seen)
    >>> personal_answers(answer, {"Z0": [0, 1], "X0": [0, 1]}).posterior.round(1).tolist()
    [[0.9, 0.1], [0.1, 0.9]]
    """
    names, own, of_class = _held(answer)
    study = rows if isinstance(rows, Study) else Study(rows)
    keys = _keys(study, names, [key for key, _ in own.items()])
    one = [own[key] for key in keys]
    classes = [of_class[key] for key in keys]
    return PersonalAnswers(
        np.array([row.value for row in one], dtype=np.float64),
        np.array([row.se for row in one], dtype=np.float64),
        np.array([(row.lower, row.upper) for row in one], dtype=np.float64).reshape(-1, 2),
        np.array([[row.value for row in each] for each in classes], dtype=np.float64),
        np.array([[row.se for row in each] for each in classes], dtype=np.float64),
    )


def _held(answer: Answer) -> tuple[tuple[str, ...], dict[Key, Row], dict[Key, list[Row]]]:
    """Names of the proxies, and the rows at each combination of their values."""
    estimates = [row for row in answer.rows() if row.kind == "estimate"]
    names = tuple(name for name, _ in estimates[0].given) if estimates else ()
    of_class: dict[Key, list[Row]] = {}
    for row in answer.rows():
        if row.kind == "class" and tuple(name for name, _ in row.given[:-1]) == names:
            of_class.setdefault(tuple(value for _, value in row.given[:-1]), []).append(row)
    own = {tuple(value for _, value in row.given): row for row in estimates}
    if not names or set(own) != set(of_class):
        raise DataError(
            "This Answer says nothing of single rows. Ask for an effect at values of the proxies: "
            "E[Y | do(T=1), Z, X] - E[Y | do(T=0), Z, X]."
        )
    return names, own, of_class


def _keys(study: Study, names: Sequence[str], held: Sequence[Key]) -> list[Key]:
    """The combination that each row shows, all of them held."""
    if study.data is None:
        raise DataError("New rows are a table with the proxies in its columns.")
    columns = []
    for place, name in enumerate(names):
        column = study.column(name)
        (arrow,) = fetch_columns(study.data, [column.column], reason=f"variable {name}")
        codes, states = categories(arrow, missing=column.missing)
        fitted = {key[place] for key in held}
        for row, code in enumerate(codes.tolist()):
            if code < 0:
                raise DataError(f"{name} is missing in row {row} of {study.data.name}. Leave that row out.")
            if states[code] not in fitted:
                state = states[code]
                told = shown(state) if isinstance(state, str) else str(state)
                raise DataError(
                    f"{name} is {told} in row {row} of {study.data.name}, and the rows that were "
                    f"fitted show {listed(sorted(fitted, key=str))}. Nothing is known of others."
                )
        columns.append([states[code] for code in codes.tolist()])
    keys: list[Key] = list(zip(*columns, strict=True))
    known = set(held)
    for row, key in enumerate(keys):
        if key not in known:
            told = ", ".join(f"{name}={value!r}" for name, value in zip(names, key, strict=True))
            raise DataError(
                f"Row {row} of {study.data.name} has {told}, which no row that was fitted shows together. Ask at these "
                "values: the model answers where its classes can show them."
            )
    return keys
