"""The shared words: what a variable may be, and where it lives.

Both languages (graph and question) and every stage of the pipeline speak of variables, their
states and their plates; this room holds only these, so that nothing has to import a graph to
name a state.
"""

from __future__ import annotations

from dataclasses import dataclass

State = str | int | float | bool
"""A value that a variable can take, as a user writes it: a number, true/false or a label."""


@dataclass(frozen=True, slots=True)
class Domain:
    """The states of a discrete variable, in order; the first is the reference.

    Parameters
    ----------
    states
        Labels or numbers, in order. ``states Gender = 2`` gives ``(0, 1)``.

    Examples
    --------
    >>> Domain.of_size(2).states
    (0, 1)
    """

    states: tuple[State, ...]

    @staticmethod
    def of_size(size: int) -> Domain:
        """States 0, 1, …, size - 1."""
        return Domain(tuple(range(size)))

    def __len__(self) -> int:
        return len(self.states)


@dataclass(frozen=True, slots=True)
class Plate:
    """A level of the data: one copy of its variables for each of its members.

    Parameters
    ----------
    name
        The word that the graph text gives it: ``student``.
    outer
        Index of the enclosing plate in the graph's ``plates``, -1 when it stands at unit level.
    network
        True for ``network person { … }``: members are joined by edges of their own.
    """

    name: str
    outer: int = -1
    network: bool = False
