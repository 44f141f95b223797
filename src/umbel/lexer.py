"""Words, numbers, marks and places: the first step of both languages, graph text and question text.

One compiled pattern reads a text in a single pass, so the cost is linear in its length and no text
can exhaust the stack. The two parsers choose their own marks; what a word, a quoted name and a
number look like is the same in both. Whatever is wrong here is one :class:`GrammarError` that
names line, column, the word and the remedy.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Container, Iterable
from typing import NamedTuple, NoReturn

from umbel.errors import GrammarError, cut, shown

MOST_DIGITS = 300
"""Longest whole number that is read: the longest that every later float conversion survives."""

# Characters that no reader of a text can see, or that reorder what is seen; and halves of
# surrogate pairs, which no file can hold. They may stand nowhere, comments included.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_BARE_WORD = re.compile(r"[^\W\d]\w*+(?:\.\w++)*+")
_NUMBER = re.compile(r"(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")

# What papers, web pages and word processors put in place of a mark; braces where a language has none.
_LOOKALIKES = {
    **dict.fromkeys("“”„‟«»‘’'`", '"'),
    **dict.fromkeys("−–—‐‑", "-"),
    **dict.fromkeys("∼˜", "~"),
    **dict.fromkeys("∣│¦", "|"),
    **dict.fromkeys("×·∗⋅", "*"),
    "→": "->",
    "←": "<-",
    "↔": "<->",
    "÷": "/",
    "{": "[",
    "}": "]",
    "≠": "!=",
    "≤": "<=",
    "≥": ">=",
}

_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t", "r": "\r"}


class Token(NamedTuple):
    """One word of a text with its place. A named tuple, because texts have thousands of them.

    Parameters
    ----------
    kind
        "word", "quoted", "number", "mark", "newline" or "end".
    text
        As it stands in the text, quotes included: a quoted name never equals a mark or a keyword.
    value
        The name of a word or a quoted name, the int or float of a number; else the text.
    line, column
        The place, counted from 1.
    offset
        Characters before the token.
    """

    kind: str
    text: str
    value: str | int | float
    line: int
    column: int
    offset: int

    @property
    def end(self) -> int:
        """Offset of the first character after the token."""
        return self.offset + len(self.text)


def tokens(
    text: str, *, what: str, marks: Iterable[str], newlines: bool = True, comment: str = r"#[^\n\r]*+"
) -> list[Token]:
    r"""Cut a text into tokens; the last one has kind "end". Cost O(length).

    Parameters
    ----------
    text
        The text.
    what
        Which text, for messages: "graph" or "question".
    marks
        The marks of this language; where several fit, the longest is read.
    newlines
        Whether a line's end is a token ("newline") or a blank.
    comment
        Pattern of a comment, which is a blank.

    Raises
    ------
    GrammarError
        At the first character, quoted name or number that has no meaning.

    Examples
    --------
    >>> [token.text for token in tokens("A.near <-> Y  # hidden", what="graph", marks=["<-", "<->"])]
    ['A.near', '<->', 'Y', '']
    >>> [token.value for token in tokens('"Birth weight" = .5', what="graph", marks=["="])]
    ['Birth weight', '=', 0.5, '']
    """
    known_marks = tuple(marks)
    unseen = _UNSEEN.search(text)
    if unseen:
        _fail_unseen(text, unseen.start(), what)
    found: list[Token] = []
    line, line_start = 1, 0
    for match in _pattern(known_marks, comment).finditer(text):
        kind, start = match.lastgroup, match.start()
        if kind == "blank":
            # Only a comment that spans lines (DOT) holds a line's end.
            skipped = match.group()
            if "\n" in skipped:
                line += skipped.count("\n")
                line_start = start + skipped.rindex("\n") + 1
        elif kind == "newline":
            if newlines:
                found.append(Token("newline", "\n", "\n", line, start - line_start + 1, start))
            line += 1
            line_start = match.end()
        else:
            assert kind is not None
            word = match.group()
            place = Token(kind, word, word, line, start - line_start + 1, start)
            if kind == "number":
                place = place._replace(value=_number(place, what, known_marks))
            elif kind == "quoted":
                place = place._replace(value=_unquoted(place, what))
            elif kind == "wrong":
                _fail_wrong(place, what, known_marks)
            found.append(place)
    found.append(Token("end", "", "", line, len(text) - line_start + 1, len(text)))
    return found


@functools.lru_cache(maxsize=16)
def _pattern(marks: tuple[str, ...], comment: str) -> re.Pattern[str]:
    """The pattern of one language; a byte order mark at the start of a file is a blank."""
    longest_first = "|".join(re.escape(mark) for mark in sorted(marks, key=len, reverse=True)) or r"(?!)"
    return re.compile(
        rf"(?P<blank>[^\S\n\r]++|\A\ufeff|{comment})"
        r"|(?P<newline>\r\n|\n|\r)"
        rf"|(?P<word>{_BARE_WORD.pattern})"
        r"|(?P<number>(?:[0-9]|\.(?=[0-9]))(?:[eE][+-](?=[0-9])|[\w.])*+)"
        rf"|(?P<mark>{longest_first})"
        r'|(?P<quoted>"(?:[^"\\\n\r]++|\\[^\n\r])*+")'
        r"|(?P<wrong>.)"
    )


def _number(token: Token, what: str, marks: tuple[str, ...]) -> int | float:
    text = token.text
    if not _NUMBER.fullmatch(text):
        remedy = "A name that starts with a digit is quoted" + ("; a product is written 2*X" if "*" in marks else "")
        _fail(token, what, f"{shown(text)} is neither a number nor a name. {remedy}.")
    if text.isdigit():
        if len(text) > MOST_DIGITS:
            _fail(token, what, f"the number {shown(text, 24)} has {len(text)} digits; at most {MOST_DIGITS} are read.")
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        _fail(token, what, f"the number {shown(text, 24)} is too large; the largest is about 1.8e308.")
    return value


def _unquoted(token: Token, what: str) -> str:
    inner = token.text[1:-1]
    if "\\" not in inner:
        return inner

    def plain(match: re.Match[str]) -> str:
        letter = match.group(1)
        if letter not in _ESCAPES:
            escapes = ", ".join("\\" + known for known in _ESCAPES)
            _fail(token, what, f"{shown(match.group())} means nothing inside quotes. Possible: {escapes}.")
        return _ESCAPES[letter]

    return re.sub(r"\\(.)", plain, inner)


def _fail(token: Token, what: str, message: str) -> NoReturn:
    raise GrammarError(message, line=token.line, column=token.column, word=token.text, what=what)


def _fail_unseen(text: str, at: int, what: str) -> NoReturn:
    line_start = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    line = len(re.findall(r"\r\n|\n|\r", text[:line_start])) + 1
    token = Token("wrong", text[at], text[at], line, at - line_start + 1, at)
    _fail(token, what, f"the character U+{ord(text[at]):04X} cannot be seen and means nothing here. Delete it.")


def _fail_wrong(token: Token, what: str, marks: tuple[str, ...]) -> NoReturn:
    text = token.text
    likely = _LOOKALIKES.get(text, "")
    if text == '"':
        _fail(token, what, "this quote is not closed before the end of its line.")
    if likely == '"' or likely in marks:
        remedy = f"Write {likely}"
    else:
        remedy = 'A name that holds it is quoted, as in "Birth weight"; marks here are ' + " ".join(sorted(marks))
    _fail(token, what, f"the character {shown(text)} means nothing here. {remedy}.")


def quoted_if_needed(name: str, reserved: Container[str] = ()) -> str:
    r"""A name as it can stand in a text: bare when it is one word and not reserved, else quoted.

    Examples
    --------
    >>> quoted_if_needed("A.near"), quoted_if_needed("Birth weight"), quoted_if_needed("plate", {"plate"})
    ('A.near', '"Birth weight"', '"plate"')
    """
    return name if _BARE_WORD.fullmatch(name) and name not in reserved else quoted(name)


def quoted(name: str) -> str:
    r"""A name or label in quotes, with what would end them escaped.

    Examples
    --------
    >>> print(quoted('say "hi"'))
    "say \"hi\""
    """
    for letter, meant in (("\\", "\\"), ('"', '"'), ("n", "\n"), ("t", "\t"), ("r", "\r")):
        name = name.replace(meant, "\\" + letter)
    return f'"{name}"'


def brief(name: str) -> str:
    """A name as an example in a message has it: quoted if needed, and cut when it is long.

    Examples
    --------
    >>> f"Write do({brief('Birth weight')}=1)."
    'Write do("Birth weight"=1).'
    """
    return quoted_if_needed(cut(name, 24))


class Reader:
    """Tokens with a position, for a parser that looks ahead a fixed number of words.

    Marks and keywords are both found by their text: a quoted name carries its quotes in ``text``,
    so ``accept("do")`` never takes a variable called ``"do"``.

    Examples
    --------
    >>> reader = Reader("X -> Y", what="graph", marks=["->"])
    >>> reader.name("a variable").value, bool(reader.accept("->")), reader.peek().text
    ('X', True, 'Y')
    """

    __slots__ = ("_at", "_tokens", "what")

    def __init__(
        self, text: str, *, what: str, marks: Iterable[str], newlines: bool = True, comment: str = r"#[^\n\r]*+"
    ) -> None:
        self.what = what
        self._tokens = tokens(text, what=what, marks=marks, newlines=newlines, comment=comment)
        self._at = 0

    def peek(self, ahead: int = 0) -> Token:
        """The token that is next, or the one ``ahead`` of it; past the end, the end."""
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else self._tokens[-1]

    def next(self) -> Token:
        """Take the next token; the end is never passed."""
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def at(self, *texts: str) -> bool:
        """Whether the next tokens have these texts, in order."""
        return all(self.peek(ahead).text == text for ahead, text in enumerate(texts))

    def accept(self, *texts: str) -> Token | None:
        """Take the next token if its text is one of these."""
        token = self._tokens[self._at]
        if token.text in texts and token.kind != "end":
            self._at += 1
            return token
        return None

    def expect(self, text: str, purpose: str = "") -> Token:
        """Take the next token, which must be this one; ``purpose`` ends the message: "to close '('"."""
        token = self.accept(text)
        if token is None:
            self.fail(f"expected {text!r}{' ' + purpose if purpose else ''}, found {self.found()}.")
        return token

    def name(self, expected: str) -> Token:
        """Take a word or a quoted name; ``expected`` says what it would name: "a variable"."""
        token = self._tokens[self._at]
        if token.kind not in ("word", "quoted") or not token.value:
            self.fail(f"expected {expected}, found {self.found()}.")
        self._at += 1
        return token

    def found(self) -> str:
        """The next token as a message shows it."""
        token = self._tokens[self._at]
        return {"end": "the end of the text", "newline": "the end of the line"}.get(token.kind) or shown(token.text)

    def fail(self, message: str, token: Token | None = None) -> NoReturn:
        """Raise a :class:`GrammarError` at a token, by default the next one."""
        _fail(token or self._tokens[self._at], self.what, message)
