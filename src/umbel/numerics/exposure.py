"""Laws pushed through friendships: what a member reads of its neighbours when treatments are drawn.

Arrays in, arrays out. Each member's treatment is drawn by itself; what it reads is the sum or the
mean of its neighbours' (0 for one without neighbours).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from umbel.numerics.tables import Array


def degrees(edges: NDArray[np.intp], members: int) -> NDArray[np.intp]:
    """Number of neighbours of each member; ``edges`` has shape (edges, 2), each edge once."""
    return np.bincount(np.asarray(edges, dtype=np.intp).ravel(), minlength=members)


def pushed(law: Array, values: Array, degree: Sequence[int], *, mean: bool) -> tuple[Array, Array]:
    """The law of the exposure of a member picked at random.

    Parameters
    ----------
    law, values
        Chances and numeric values of the treatment's states, shape (states,).
    degree
        Neighbours of each member.
    mean
        Whether it reads the mean of its neighbours, or their sum.

    Returns
    -------
    values, law
        Ascending values of the exposure and their chances.

    Examples
    --------
    >>> values, law = pushed(np.array([0.2, 0.8]), np.array([0.0, 1.0]), [1, 2, 1], mean=True)
    >>> values.tolist(), law.round(4).tolist()
    ([0.0, 0.5, 1.0], [0.1467, 0.1067, 0.7467])
    """
    found: dict[float, float] = {}
    counts = np.bincount(np.asarray(degree, dtype=np.intp))
    sums: dict[float, float] = {0.0: 1.0}
    for number, count in enumerate(counts.tolist()):
        if number:
            longer: dict[float, float] = {}
            for total, chance in sums.items():
                for value, weight in zip(values.tolist(), law.tolist(), strict=True):
                    key = round(total + value, 9)
                    longer[key] = longer.get(key, 0.0) + chance * weight
            sums = longer
        for total, chance in sums.items() if count else ():
            key = round(total / number, 9) if mean and number else total
            found[key] = found.get(key, 0.0) + chance * count / len(degree)
    order = sorted(found)
    return np.array(order), np.array([found[value] for value in order])
