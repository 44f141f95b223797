"""The words of the DOT family, DAGitty's language among them: header, tokens, quoted names."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NoReturn, final

from umbel.errors import GrammarError, GraphError, shown
from umbel.lexer import Reader, Token

_COMMENT = r"\#[^\n]*+ | //[^\n]*+ | /\*(?:[^*]|\*(?!/))*+\*/"
HEADER = re.compile(
    rf"""\ufeff?(?:[\s;]|{_COMMENT})*+ (?:strict\s+)? (?P<kind>dag|digraph|graph|pdag|mag|pag)\b
    (?:\s|{_COMMENT})*+ (?:[\w.]++ | "[^"\n]*+")? (?:\s|{_COMMENT})*+ (?P<opened>\{{)""",
    re.IGNORECASE | re.VERBOSE,
)
"""A graph type, perhaps a name, and the brace that opens."""

_TOKEN = re.compile(
    rf"""(?P<blank>[\s;]++ | {_COMMENT})
    | (?P<edge> <-@ | @-> | <-> | <- | -> | --@ | @-- | @-@ | -- )
    | (?P<word>-?[\w.]++)
    | (?P<quoted>"(?:[^"\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]++|\\[^\x00])*+")
    | (?P<mark>[{{}}\[\]=,+:])
    | (?P<wrong>.)""",
    re.VERBOSE | re.DOTALL,
)
_BAREWORD = re.compile(r"[0-9a-zA-Z_.]+")


@final
class DotReader(Reader):
    """The reader of umbel's parsers over other words: ``2010`` is a name, new lines and ``;`` are blanks."""

    __slots__ = ()

    def __init__(self, text: str, start: int) -> None:
        self.what = "graph"
        self._at = 0
        self._tokens = _tokens(text, start)


def _tokens(text: str, start: int) -> list[Token]:
    lines = [0, *(match.end() for match in re.finditer("\n", text))]
    found: list[Token] = []
    for match in _TOKEN.finditer(text, start):
        kind, word, at = match.lastgroup or "", match.group(), match.start()
        if kind != "blank":
            line = bisect_right(lines, at)
            value = _unquoted(word) if kind == "quoted" else word
            token = Token(kind, word, value, line, at - lines[line - 1] + 1, at)
            if kind == "wrong":  # at once: each quote without an end would look for one anew
                _refuse(token)
            found.append(token)
    found.append(Token("end", "", "", len(lines), len(text) - lines[-1] + 1, len(text)))
    return found


def _refuse(token: Token) -> NoReturn:
    message = f"the character {shown(token.text)} means nothing here. A name that holds it is quoted."
    if token.text == '"':
        message = "this quote is not closed, or holds a character that cannot be seen."
    raise GrammarError(message, line=token.line, column=token.column, word=token.text, what="graph")


def _unquoted(word: str) -> str:
    """What a quoted text says; a backslash means itself but before a quote or the end of a line."""
    return re.sub(r"\\(\"|\r?\n)", lambda match: '"' if match.group(1) == '"' else "", word[1:-1])


def dot_name(name: str) -> str:
    """A name as the DOT family writes it: bare when it can be, else in quotes."""
    return name if _BAREWORD.fullmatch(name) else dot_quoted(name)


def dot_quoted(text: str) -> str:
    """A text in quotes; a :class:`GraphError` when a backslash would read back as something else."""
    if text.endswith("\\") or '\\"' in text or "\\\n" in text:
        raise GraphError(f"{shown(text)} has a backslash before a quote or the end of a line, which DOT cannot write.")
    return '"' + text.replace('"', '\\"') + '"'


def dot_attribute(key: str, value: str) -> str:
    """``key="value"``, or the key alone."""
    return f"{dot_name(key)}={dot_quoted(value)}" if value else dot_name(key)


def dot_list(attributes: Sequence[str]) -> str:
    """Attributes in brackets after a blank; nothing when there are none."""
    return f" [{','.join(attributes)}]" if attributes else ""
