"""A finite population as the papers speak of it: units with their weights, their laws and their variables.

Formulas of papers are written by hand on top of this, so nothing here knows a graph or an
estimand. A law of a unit is named as in print, ``Q[Y|A]``; equal laws share a code.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from umbel.numerics.tables import Table

Array = NDArray[np.float64]


class Units:
    """Units with members: ``p`` gives probabilities across units, ``law`` what a code stands for."""

    def __init__(self, table: Table) -> None:
        self.axes = table.axes[1:]
        self.cells = table.array
        self.weight = table.array.reshape(len(table.array), -1).sum(axis=1)
        self._columns: dict[str, NDArray[np.intp]] = {}
        self._laws: dict[str, Array] = {}

    def joint(self, names: str) -> Array:
        """Law of some variables in each unit, axes in the order of the letters."""
        keep = [1 + self.axes.index(name) for name in names]
        rest = tuple(i for i in range(1, self.cells.ndim) if i not in keep)
        kept = sorted(keep)
        cells = self.cells.sum(axis=rest).transpose([0, *(1 + kept.index(k) for k in keep)])
        return cells / self.weight.reshape([-1] + [1] * len(names))

    def column(self, name: str) -> NDArray[np.intp]:
        """Code of each unit: of a law ``Q[Y|AX]``, or the state of a unit variable ``Z``."""
        if name not in self._columns:
            if not name.startswith("Q["):
                self._columns[name] = self.joint(name).argmax(axis=1)
            else:
                of, _, given = name[2:-1].partition("|")
                joint = self.joint(of + given)
                law = joint / joint.sum(axis=tuple(range(1, 1 + len(of))), keepdims=True)
                flat = law.reshape(len(law), -1)
                _, first, codes = np.unique(flat.round(9), axis=0, return_index=True, return_inverse=True)
                self._columns[name], self._laws[name] = codes.reshape(-1), law[first]
        return self._columns[name]

    def codes(self, name: str) -> range:
        """The codes (or states) that occur."""
        return range(int(self.column(name).max()) + 1)

    def all(self, *names: str) -> product[tuple[int, ...]]:
        """Every combination of codes."""
        return product(*map(self.codes, names))

    def law(self, name: str, code: int) -> Array:
        """What a code of a law stands for: axes of the outcomes, then of what is given."""
        self.column(name)
        return self._laws[name][code]

    def at(self, name: str, law: Array) -> int:
        """The code of a law that the population reaches."""
        self.column(name)
        gaps = np.abs(self._laws[name] - law).reshape(len(self._laws[name]), -1).max(axis=1)
        assert gaps.min() < 1e-8, f"no unit shows {name} at the intervention's law"
        return int(gaps.argmin())

    def p(self, event: dict[str, int], given: dict[str, int] | None = None) -> float:
        """P(event | given) across units; zero where the condition never occurs."""
        base = self._where(given or {})
        below = float(self.weight[base].sum())
        return float(self.weight[base & self._where(event)].sum()) / below if below else 0.0

    def _where(self, event: dict[str, int]) -> NDArray[np.bool_]:
        mask = np.ones(len(self.weight), dtype=bool)
        for name, code in event.items():
            mask &= self.column(name) == code
        return mask

    def state_law(self, name: str, given: dict[str, int]) -> Array:
        """P(name | given) for every state of a unit variable."""
        return np.array([self.p({name: state}, given) for state in range(self.cells.shape[1 + self.axes.index(name)])])
