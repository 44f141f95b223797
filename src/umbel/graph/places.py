"""Where names live: the plates of a graph text, and the one that each variable belongs to.

The bare name of a variable says where it lives. Without one, it lives in the plate that it first
stands in and may be spoken of from outside. What stays ambiguous is refused: an edge inside a
plate that speaks of a name from outside could as well put that name into the plate, and the two
readings have different answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from umbel.errors import GraphError, shown
from umbel.lexer import Token
from umbel.variable import Plate

UNIT = -1
"""The place outside every plate."""

MOST_PLATES_DEEP = 50
"""Deepest nesting of plates: no data has more levels, and paths stay short."""


def refuse(token: Token, message: str) -> NoReturn:
    """Refuse what parses and means nothing, with its place in the text."""
    raise GraphError(f"graph, line {token.line}, column {token.column}: {message}")


class _Mention(NamedTuple):
    """A place where a name stands; ``declares``: as a bare name, which says where it lives."""

    place: int
    declares: bool
    token: Token


class Places:
    """The plates that have been read, those that are open, and the places of every name."""

    __slots__ = ("_elsewhere", "_first", "_index", "opened", "plates")

    def __init__(self) -> None:
        self.plates: list[Plate] = []
        self.opened: list[tuple[int, Token]] = []
        self._index: dict[str, int] = {}
        self._first: list[_Mention] = []
        self._elsewhere: dict[int, list[_Mention]] = {}

    @property
    def here(self) -> int:
        """The innermost open plate, UNIT outside all of them."""
        return self.opened[-1][0] if self.opened else UNIT

    def open(self, token: Token, *, network: bool) -> None:
        """Enter a plate, for the first time or again."""
        name, outer = str(token.value), self.here
        index = self._index.get(name)
        if index is None:
            if network and self.network(outer) != UNIT:
                refuse(token, f"network {shown(name)} stands inside a network, which holds plates and no networks.")
            if len(self.opened) >= MOST_PLATES_DEEP:
                refuse(token, f"plates nest more than {MOST_PLATES_DEEP} deep here.")
            index = self._index[name] = len(self.plates)
            self.plates.append(Plate(name, outer, network))
        known = self.plates[index]
        if known.outer != outer:
            before = f"plate {shown(name)} is opened {self.where(outer)}, and before {self.where(known.outer)}"
            refuse(token, f"{before}. Plates nest; they never overlap.")
        if known.network != network:
            refuse(token, f"{shown(name)} is a {'network' if known.network else 'plate'} already, and cannot be both.")
        self.opened.append((index, token))

    def close(self) -> None:
        """Leave the innermost open plate."""
        self.opened.pop()

    def mention(self, node: int, token: Token, *, declares: bool) -> None:
        """Note that a name stands here; nodes are numbered in order of first mention."""
        here = self.here
        if node == len(self._first):
            self._first.append(_Mention(here, declares, token))
            return
        first = self._first[node]
        if first.place != here:
            self._elsewhere.setdefault(node, []).append(_Mention(here, declares, token))
        elif declares and not first.declares:
            self._first[node] = first._replace(declares=True)

    def first(self, node: int) -> Token:
        """Where a name was first mentioned."""
        return self._first[node].token

    def homes(self) -> list[int]:
        """The innermost plate of every node, UNIT at unit level.

        Raises
        ------
        GraphError
            For a name in two places, and for one whose place is ambiguous.
        """
        homes = [mention.place for mention in self._first]
        for node in sorted(self._elsewhere):
            homes[node] = self._home([self._first[node], *self._elsewhere[node]])
        return homes

    def _home(self, mentions: list[_Mention]) -> int:
        home = next((mention for mention in mentions if mention.declares), mentions[0])
        name = shown(str(home.token.value))
        for place, declares, token in mentions:
            if place == home.place or (self._encloses(place, home.place) and not declares):
                continue
            here, there = self.where(place), self.where(home.place)
            if declares or not self._encloses(home.place, place):
                refuse(
                    token,
                    f"{name} stands {here}, and {there} in line {home.token.line}. A variable lives in one place; "
                    "plates nest, they never overlap.",
                )
            if not home.declares:
                refuse(
                    token,
                    f"{name} stands {here}, and before {there} in line {home.token.line}. Say where it lives by its "
                    f"bare name: a line with {name} alone {there}, or {name} among the names {here}.",
                )
        return home.place

    def _encloses(self, outer: int, inner: int) -> bool:
        return outer == UNIT or outer in self._around(inner)

    def _around(self, place: int) -> Iterator[int]:
        """A place and the plates around it, from inside out."""
        while place != UNIT:
            yield place
            place = self.plates[place].outer

    def network(self, place: int) -> int:
        """The network around a place, UNIT when there is none."""
        return next((around for around in self._around(place) if self.plates[around].network), UNIT)

    def where(self, place: int) -> str:
        """A place in words."""
        if place == UNIT:
            return "at unit level"
        return f"inside {'network' if self.plates[place].network else 'plate'} {shown(self.plates[place].name)}"
