"""Exceptions for wrong input, and for nothing else.

"Not identified", "not supported" and "did not converge" are values with a proof or advice;
only input that means nothing raises::

    UmbelError
    ├── InputError                 wrong input: exit status 2
    │   ├── GrammarError           a text does not parse: line, column, the word, what was possible
    │   ├── GraphError             the text parses, the graph means nothing: a cycle, crossing plates
    │   ├── QuestionError          the question does not fit its graph: unknown names, overlap
    │   ├── ProblemError           a problem file: an unknown key, a path that is not there
    │   └── DataError              tables that contradict themselves or the problem
    └── MissingExtra               an optional dependency is not installed: names the command

Every message is one line that says what is wrong, which value, where, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UmbelError(Exception):
    """Base of every exception that umbel raises on purpose."""


class InputError(UmbelError):
    """Input that has no meaning; the message names the value, the place and the remedy."""


class GrammarError(InputError):
    """A text that does not parse.

    Parameters
    ----------
    message
        What is wrong and what was possible, without the place.
    line, column
        The place, counted from 1.
    word
        The offending word as it stands in the text.
    what
        Which text: "graph", "question".
    """

    def __init__(self, message: str, *, line: int, column: int, word: str, what: str) -> None:
        super().__init__(f"{what}, line {line}, column {column}: {message}")
        self.line = line
        self.column = column
        self.word = word


class GraphError(InputError):
    """A graph that parses and still means nothing."""


class QuestionError(InputError):
    """A question that does not fit its graph."""


class ProblemError(InputError):
    """A problem file, or a combination of its parts, that makes no sense."""


class DataError(InputError):
    """Tables that contradict themselves or the problem."""


class MissingExtra(UmbelError):
    """An optional dependency is not installed; the message carries the command that installs it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed. Install it with: pip install 'umbel[{extra}]'")


def shown(text: str, limit: int = 60) -> str:
    """Quote a word from outside for a one-line message: escaped, and cut when it is long.

    Examples
    --------
    >>> shown("Scor")
    "'Scor'"
    >>> shown("a\\nb")
    "'a\\\\nb'"
    """
    return repr(cut(text, limit))


def cut(text: str, limit: int = 60) -> str:
    """The text, with its end left out when it is long.

    Examples
    --------
    >>> cut("Tutoring", 5)
    'Tuto…'
    """
    return text if len(text) <= limit else text[: limit - 1] + "…"


def did_you_mean(word: str, possible: Iterable[str], *, most: int = 12) -> str:
    """List what was possible, and the closest of it when one is close.

    Examples
    --------
    >>> did_you_mean("Scor", ["Score", "Tutoring"])
    "Possible: Score, Tutoring. Did you mean 'Score'?"
    """
    names = sorted(set(possible))
    listed = ", ".join(cut(name) if name.isprintable() else shown(name) for name in names[:most])
    listed += ", …" if len(names) > most else ""
    # Case first: to difflib, 'y' and 'Y' have nothing in common.
    close = [name for name in names if name.casefold() == word.casefold()]
    close = close or (difflib.get_close_matches(word, names, n=1) if len(word) <= 60 else [])
    hint = f" Did you mean {shown(close[0])}?" if close else ""
    return f"Possible: {listed}.{hint}" if names else "Nothing was possible there."
