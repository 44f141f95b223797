"""What the sources show, in one code: states of variables, and laws inside units as states.

The joint law of a nested population is turned into codes from the inside out: the laws of the
members of a unit are computed by their own formulas, equal laws share a code, whichever source
shows them, and one level out such a code is the state of one more discrete variable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError, did_you_mean, shown
from umbel.expr.build import leaves, slots
from umbel.expr.nodes import Expr, Held, Law, Level, Meaning, Probability, Raw, Symbol
from umbel.numerics.labels import Domains, labelled, with_common_states
from umbel.numerics.tables import Array, Table, grouped
from umbel.numerics.tensors import Tensor, aligned
from umbel.variable import State

MEMBERS = Symbol(Raw("", ("members",)))
"""The axis of the units (or classes, …) whose inner laws are being computed all at once."""

Codes = NDArray[np.intp]


@dataclass(slots=True, eq=False)
class Population:
    """One source's joint law.

    Parameters
    ----------
    joint
        Axes: ``unit``, then the plates that are indexed, then raw variables.
    nested
        Whether the first axis is ``unit``.
    indexed
        Plate names among the axes, in order; members of deeper plates are mass, not rows.
    shared
        All the sources, which agree on states and codes.
    """

    joint: Table
    nested: bool
    indexed: tuple[str, ...]
    shared: Populations

    def of(self, source: int) -> Population:
        """The population of a law inside this one's units: itself."""
        return self

    def depth(self, level: Level) -> int | None:
        """Number of leading axes that index the members of a level; None when they are mass."""
        if not self.nested:
            return None
        return 1 + len(level) if level == self.indexed[: len(level)] else None

    def members(self, lead: int) -> int:
        """How many members ``lead`` leading axes index."""
        return math.prod(self.joint.array.shape[:lead])

    def raw_joint(self, names: Sequence[str], lead: int) -> Array:
        """Joint mass with ``lead`` leading axes kept and flattened, then one axis per name."""
        joint = self.joint
        for name in names:
            if name not in joint.axes:
                hint = did_you_mean(name, joint.axes)
                raise DataError(f"The estimand reads {shown(name)}, which is no axis of the table. {hint}")
        keep = [*range(lead), *(joint.axes.index(name) for name in names)]
        rest = tuple(i for i in range(len(joint.axes)) if i not in keep)
        left = [i for i in range(len(joint.axes)) if i in keep]
        summed = np.transpose(joint.array.sum(axis=rest), [left.index(i) for i in keep])
        return summed.reshape((self.members(lead), *summed.shape[lead:]))

    def mass(self, lead: int) -> Array:
        """Mass of each member: shape (members,)."""
        return np.asarray(self.joint.array.reshape((self.members(lead), -1)).sum(axis=1))

    def codes(self, meaning: Meaning) -> Codes:
        """Code of each member at the meaning's level."""
        if isinstance(meaning, Law):
            return self.shared.coded(meaning)[0][self.shared.members.index(self)]
        lead = self.depth(meaning.level)
        assert lead is not None
        table = self.raw_joint([meaning.name], lead)
        spread = np.abs(table.sum(axis=1) - table.max(axis=1)).max(initial=0.0)
        if spread > 1e-9:
            raise DataError(
                f"{shown(meaning.name)} varies within its unit in the table; "
                "in the graph it stands outside the plate. Declare it inside the plate, or fix the table."
            )
        return np.asarray(table.argmax(axis=1), dtype=np.intp)

    def law_joint(self, meanings: Sequence[Meaning], level: Level, lead: int) -> Array:
        """Joint mass of meanings among the members of ``level``, one array per outer member.

        Shape (outer members, states of meanings[0], …), where ``lead`` axes index the outer ones.
        """
        at = self.depth(level)
        if at is None:
            if bad := [m for m in meanings if isinstance(m, Law)]:
                raise DataError(f"The table has no axis for the members of {'.'.join(bad[0].level) or 'unit'}.")
            return self.raw_joint([m.name for m in meanings if isinstance(m, Raw)], lead)
        mass = self.mass(at)
        members = self.members(lead)
        flat = np.repeat(np.arange(members), len(mass) // members)
        shape = [members]
        for meaning in meanings:
            code = self.codes(meaning)
            # A variable of an outer level has one code for all members inside.
            code = np.repeat(code, len(mass) // len(code))
            size = len(self.shared.states(meaning))
            flat = flat * size + code
            shape.append(size)
        counts: Array = np.bincount(flat, weights=mass, minlength=math.prod(shape)).astype(np.float64)
        return counts.reshape(shape)

    def shows(self, meaning: Meaning) -> bool:
        """Whether the table has the axes that a meaning is made of."""
        if isinstance(meaning, Raw):
            return meaning.name in self.joint.axes
        read = [slot for leaf in leaves(meaning.formula) if isinstance(leaf, Probability) for slot in slots(leaf)]
        inner = [(slot.symbol if isinstance(slot, Held) else slot).meaning for slot in read]
        return self.nested and all(map(self.shows, (*meaning.of, *meaning.given, *inner)))


@dataclass(slots=True, eq=False)
class Populations:
    """Every source, in order.

    Parameters
    ----------
    laws
        Tables of unspecified laws, keyed by treatment.
    compute
        Evaluates the formula of a law inside the units of a population.
    members
        The populations; filled by :meth:`opened`.
    scan
        Order in which the members of blocks answer each other; None: at random.
    """

    laws: Mapping[str, Table]
    compute: Callable[[Expr, Population, int], Tensor[Symbol]]
    members: list[Population] = field(default_factory=list)
    scan: tuple[str, ...] | None = None
    _atoms: dict[Law, tuple[list[Codes], Array]] = field(default_factory=dict)

    @staticmethod
    def opened(
        tables: Sequence[Table],
        plates: Sequence[str] | None,
        laws: Mapping[str, Table],
        domains: Domains,
        compute: Callable[[Expr, Population, int], Tensor[Symbol]],
    ) -> Populations:
        """The populations of some tables, over one list of states for each variable."""
        shared = Populations(laws, compute)
        if len(tables) > 1:
            tables = with_common_states(tables, domains, ("unit", *(plates or ())))
        for table in tables:
            nested = (plates is None or bool(plates)) and table.axes[:1] == ("unit",)
            indexed = tuple(name for name in table.axes[1:] if name in (plates or ())) if nested else ()
            law = labelled(Table(table.axes, table.array / table.array.sum(), table.states), domains)
            shared.members.append(Population(law, nested, indexed, shared))
        return shared

    def of(self, source: int) -> Population:
        """The population that a source shows."""
        if source >= len(self.members):
            raise DataError(
                f"The estimand reads the law of source {source + 1}, and {len(self.members)} tables were given. "
                "Give one table per source, in their order."
            )
        return self.members[source]

    def showing(self, meanings: Sequence[Meaning]) -> Population:
        """The first population that shows all of some meanings."""
        return next((one for one in self.members if all(map(one.shows, meanings))), self.members[0])

    def states(self, meaning: Meaning) -> tuple[State, ...]:
        """States of a raw variable, or the codes of a law."""
        if isinstance(meaning, Law):
            return tuple(range(len(self.coded(meaning)[1])))
        one = self.showing([meaning]).joint
        if meaning.name not in one.axes:
            hint = did_you_mean(meaning.name, [axis for table in self.members for axis in table.joint.axes])
            raise DataError(f"The estimand reads {shown(meaning.name)}, which is no axis of the table. {hint}")
        return one.states_of(meaning.name)

    def has_labels(self, name: str) -> bool:
        """Whether some table names the states of a variable."""
        return any(name in one.joint.states for one in self.members)

    def coded(self, law: Law) -> tuple[list[Codes], Array]:
        """Codes of a law's values, one array per population, and what each code stands for.

        The codes of a population that does not show the law are empty.
        """
        if law not in self._atoms:
            order = (*(Symbol(m) for m in law.of), *(Symbol(m) for m in law.given))
            shape = tuple(len(self.states(symbol.meaning)) for symbol in order)
            rows: list[Array] = []
            for one in self.members:
                lead = one.depth(law.level)
                if lead is None or not one.shows(law):
                    rows.append(np.empty((0, math.prod(shape))))
                    continue
                # Members without mass have no law: their rows are undefined, and equal.
                array = aligned(self.compute(law.formula, one, lead), (MEMBERS, *order))
                rows.append(np.broadcast_to(array, (one.members(lead), *shape)).reshape((one.members(lead), -1)))
            codes, atoms = grouped(np.concatenate(rows))
            ends = np.cumsum([len(part) for part in rows])[:-1]
            self._atoms[law] = np.split(codes, ends), atoms.reshape((len(atoms), *shape))
        return self._atoms[law]

    def atoms(self, law: Law) -> Array:
        """What each code of a law stands for: shape (codes, states of ``of``…, of ``given``…)."""
        return self.coded(law)[1]


def nearest(atoms: Array, target: Array, tolerance: float = 1e-7) -> int | None:
    """Index of the atom that equals the target."""
    gap = np.abs(atoms - target).reshape((len(atoms), -1)).max(axis=1)
    gap[np.isnan(gap)] = np.inf
    best = int(np.argmin(gap)) if len(gap) else -1
    return best if best >= 0 and gap[best] <= tolerance else None
