"""``umbel start``: look at tables, and draft the problem file that describes them.

A draft parses and checks as it stands. Its arrows are an example and say so: which variable causes
which is what only the user knows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from umbel.errors import ProblemError, shown
from umbel.graph.words import RESERVED
from umbel.lexer import quoted_if_needed
from umbel.variable import State

if TYPE_CHECKING:
    from umbel.data.profile import Profile

MOST_WORDS = 50
"""Distinct texts up to which a column is taken for a category and not for names or notes."""
WIDTH = 24


@dataclass(frozen=True, slots=True)
class _Level:
    """One table of the draft: its file, what it is called, and its columns."""

    file: str
    columns: tuple[Profile, ...]


def draft_problem(
    table: str | os.PathLike[str],
    *,
    units: str | os.PathLike[str] | None = None,
    unit: str | None = None,
    folder: str | os.PathLike[str] = ".",
) -> str:
    """A commented problem file for one table, or for two that a key joins.

    Parameters
    ----------
    table
        A csv or parquet file: one row per member, or per unit where there are no levels.
    units
        The table of units.
    unit
        The key that joins them, or that names the unit of each row.
    folder
        Where the file will stand: paths are written relative to it.

    Raises
    ------
    InputError
        For files and keys that are not there.
    """
    from umbel.data.profile import profiles
    from umbel.data.source import open_table, position

    if units is not None and unit is None:
        raise ProblemError("--units needs --unit: the name of the key column that joins the two tables.")
    rows = open_table(table, role="data")
    inner = _Level(_relative(table, folder), profiles(rows, unit=unit))
    if inner.columns and not inner.columns[0].rows:
        raise ProblemError(f"{shown(inner.file)} has a header and no rows: there is nothing to look at.")
    outer = None
    if units is not None and unit is not None:
        other = open_table(units, role="units")
        position(other, unit, reason="unit")
        outer = _Level(_relative(units, folder), profiles(other))
    return _text(inner, outer, unit)


def _relative(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _text(inner: _Level, outer: _Level | None, unit: str | None) -> str:
    own = {one.name for one in outer.columns} if outer else set()
    members = [one for one in inner.columns if one.name != unit and one.name not in own and one.within is not False]
    of_units = [one for one in inner.columns if one.within is False and one.name != unit and one.name not in own]
    of_units += [one for one in outer.columns if one.name != unit] if outer else []
    usable_members, usable_units = _usable(members), _usable(of_units)
    lines = ["# Drafted by `umbel start`. Edit the graph and the question, then: umbel check, umbel solve."]
    lines += _listing(inner, unit, [one for one in members if one not in usable_members])
    lines += _listing(outer, unit, [one for one in of_units if one not in usable_units]) if outer else []
    treatment, outcome = _pair(usable_members, usable_units, inner.file)
    graph = _graph(inner, usable_members, usable_units, unit, treatment, outcome)
    lines += ["", f"graph = {_toml(graph)}", ""]
    lines += [f"question = {_toml(_question(treatment, outcome))}", "", "[[study]]", f"table = {_toml(inner.file)}"]
    lines += [f"units = {_toml(outer.file)}"] if outer else []
    lines += [f"unit = {_toml(unit)}"] if unit else []
    lines += _described([*usable_members, *usable_units])
    return "\n".join(lines) + "\n"


def _usable(columns: Iterable[Profile]) -> list[Profile]:
    """Columns that can be variables: some value, not one alone, and no names or notes."""
    return [
        one
        for one in columns
        if one.missing < one.rows
        and one.distinct != 1
        and (one.number or (one.distinct is not None and one.distinct <= MOST_WORDS))
    ]


def _listing(level: _Level, unit: str | None, left_out: Sequence[Profile]) -> list[str]:
    """A table as comments: one column a line, what it holds, where it varies."""
    size = level.columns[0].rows if level.columns else 0
    lines = ["#", f"# {_comment(level.file)}: {size:,} rows"]
    width = min(WIDTH, max((len(one.name) for one in level.columns), default=0))
    for one in level.columns:
        words = [_kind(one)]
        if one.name == unit:
            words = [f"the key{'' if one.distinct is None else f', {one.distinct:,} of them'}"]
        elif one.within is not None:
            words.append(f"{'varies' if one.within else 'does not vary'} within {_comment(unit or '')}")
        if one.missing:
            words.append(f"missing in {one.missing:,}")
        words += [f"is {state!r} a code for missing?" for state in map(_plain, one.suspects)]
        words += ["left out of the graph"] if one in left_out else []
        lines.append(f"#   {_comment(one.name):{width}}  {'; '.join(words)}")
    return lines


def _kind(one: Profile) -> str:
    if one.missing == one.rows:
        return "empty"
    if one.states and len(one.states) <= 6:
        return ", ".join(_comment(str(_plain(state))) for state in one.states)
    if one.number:
        whole = "" if one.distinct is None else f", {one.distinct:,} values"
        return f"number, {one.low:g} to {one.high:g}{whole}"
    return f"text, {one.distinct:,} values" if one.distinct is not None else "text, thousands of values"


def _pair(members: Sequence[Profile], units: Sequence[Profile], file: str) -> tuple[Profile, Profile]:
    """A treatment and an outcome to begin with: the first column of two states, the last number."""
    everything = [*members, *units]
    if len(everything) < 2:
        raise ProblemError(f"{shown(file)} has fewer than two columns that could be variables of a question.")
    two = [one for one in everything if len(_states(one)) == 2]
    treatment = (two or everything)[0]
    others = [one for one in everything if one is not treatment]
    numbers = [one for one in others if one.number]
    inside = [one for one in numbers if one in members]
    return treatment, (inside or numbers or others)[-1]


def _graph(
    inner: _Level,
    members: Sequence[Profile],
    units: Sequence[Profile],
    unit: str | None,
    treatment: Profile,
    outcome: Profile,
) -> str:
    taken = {one.name for one in (*members, *units)}
    lines = [""]
    plate = next(name for name in _plate_names(inner.file) if name not in taken)
    if unit and members:
        names = " ".join(_name(one) for one in members)
        lines += [
            f"plate {plate} {{ {names} }}   # one value for each {plate}; what stands outside belongs to the unit"
        ]
    elif members:
        lines += ["; ".join(_name(one) for one in members)]
    lines += ["; ".join(_name(one) for one in units)] if units else []
    lines += ["# An arrow says that one causes the other; an arrow left out says that it does not. Replace these:"]
    if treatment in members and unit:
        hidden = next(
            name for name in ("U", "Hidden", *(f"U{number}" for number in range(2, 10_000))) if name not in taken
        )
        lines += [f"latent {hidden}; {hidden} -> {{ {_name(treatment)} {_name(outcome)} }}"]
        lines[-1] += "   # a hidden cause of both that belongs to the unit"
    lines += [f"{_name(treatment)} -> {_name(outcome)}"]
    return "\n".join(lines) + "\n"


def _plate_names(file: str) -> Iterable[str]:
    stem = Path(file).stem
    singular = stem[:-1] if len(stem) > 3 and stem.endswith("s") else stem
    if singular.isidentifier() and singular not in RESERVED:
        yield singular
    yield from ("member", "subunit", "row", *(f"member{number}" for number in range(2, 10_000)))


def _question(treatment: Profile, outcome: Profile) -> str:
    a, y = quoted_if_needed(treatment.name, ("do",)), quoted_if_needed(outcome.name, ("do",))
    states = _states(treatment)
    if not outcome.number:
        return f"P({y} | do({a}{f'={_value(states[-1])}' if states else ''}))"
    if len(states) < 2:
        return f"E[{y} | do({a})]"
    return f"E[{y} | do({a}={_value(states[-1])})] - E[{y} | do({a}={_value(states[0])})]"


def _described(columns: Sequence[Profile]) -> list[str]:
    """Suspected codes, as lines to uncomment."""
    lines = []
    for one in columns:
        if one.suspects:
            codes = ", ".join(_value(state) for state in one.suspects)
            key = json.dumps(one.name, ensure_ascii=False)
            lines += ["", f"# [variables.{_comment(key)}]", f"# missing = [{_comment(codes)}]"]
    return lines


def _states(one: Profile) -> tuple[State, ...]:
    return tuple(state for state in one.states if state not in one.suspects)


def _name(one: Profile) -> str:
    return quoted_if_needed(one.name, RESERVED)


def _value(state: State) -> str:
    plain = _plain(state)
    return json.dumps(plain, ensure_ascii=False)


def _plain(state: State) -> State:
    """A whole number without its point."""
    return int(state) if isinstance(state, float) and state.is_integer() else state


def _comment(text: str) -> str:
    """Words from a table's header on one line, whatever they hold."""
    return "".join(char if char.isprintable() else " " for char in text)


def _toml(text: str) -> str:
    """A TOML string, as it stands where it can be, escaped where it must be."""
    plain = all(char.isprintable() or char == "\n" for char in text)
    if plain and "\n" in text and "'''" not in text:
        return f"'''{text}'''"
    if plain and "\n" not in text and '"' in text and "'" not in text:
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def save_draft(text: str, path: str | os.PathLike[str]) -> None:
    """Write a draft where nothing stands yet.

    Raises
    ------
    ProblemError
        When there is a file of that name, or none can be written.
    """
    try:
        with Path(path).open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise ProblemError(f"{shown(str(path))} is there already. Choose another name, or remove it.") from None
    except OSError as error:
        raise ProblemError(f"{shown(str(path))} cannot be written: {error.strerror}.") from None
