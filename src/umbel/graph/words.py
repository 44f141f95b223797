"""The words of the graph language: marks, keywords, names, and groups of names."""

from __future__ import annotations

from typing import NamedTuple, NoReturn

from umbel.errors import shown
from umbel.graph.draft import Draft, End
from umbel.lexer import Reader, Token, brief

EDGES = ("->", "<-", "<->", "--")
BLOCKS = ("plate", "network")
KEYWORDS = (*BLOCKS, "latent", "classes", "states", "assume")
HEADERS = ("dag", "digraph", "graph", "pdag", "mag", "pag", "strict")
"""Words that begin a DAGitty or DOT text."""

RESERVED = frozenset((*KEYWORDS, *HEADERS))
"""Names that are written in quotes, so that no reader takes them for a keyword."""

# Beyond the marks of the language, those that other languages have, so that a message can say
# what to write in their place.
MARKS = (*EDGES, "-", "<", "{", "}", "(", ")", ",", ";", ":", "=", ".near", ">", "[", "]")


class Name(NamedTuple):
    """A name as it stands in the text; ``near``: that of the neighbours, ``X.near``."""

    token: Token
    near: bool = False


def a_name(reader: Reader, draft: Draft, expected: str) -> Name:
    """Take a name; ``expected`` says what it would name."""
    token = reader.peek()
    if token.kind not in ("word", "quoted") or not token.value:
        unexpected(reader, expected)
    reader.next()
    if token.kind == "word" and token.text.endswith(".near") and in_network(draft):
        own = token.text.removesuffix(".near")
        return Name(token._replace(text=own, value=own), near=True)
    if token.kind == "quoted" and (mark := reader.accept(".near")):
        if not in_network(draft):
            reader.fail("'.near' means the neighbours in a network and stands inside its braces.", mark)
        return Name(token, near=True)
    return Name(token)


def own_name(reader: Reader, draft: Draft, expected: str) -> Token:
    """Take a name that cannot be that of the neighbours."""
    return own(reader, a_name(reader, draft, expected))


def own(reader: Reader, name: Name) -> Token:
    """The name itself; that of the neighbours is refused."""
    if name.near:
        word = brief(str(name.token.value))
        reader.fail(f"{word}.near is {word} of the neighbours; it stands in edges and maps alone.", name.token)
    return name.token


def some_names(reader: Reader, draft: Draft) -> list[Name]:
    """Take names separated by blanks or commas, or one group."""
    if reader.peek().text == "{":
        return a_group(reader, draft)
    return more_names(reader, draft, a_name(reader, draft, "a variable"))


def more_names(reader: Reader, draft: Draft, first: Name) -> list[Name]:
    """The rest of a list of names."""
    found = [first]
    while not at_block(reader):
        if reader.accept(","):
            found.append(a_name(reader, draft, "a variable after ','"))
            continue
        token = reader.peek()
        if token.kind not in ("word", "quoted"):
            break
        if token.text in KEYWORDS:
            reader.fail(f"{shown(token.text)} begins a statement: put ';' before it. A variable called so is quoted.")
        found.append(a_name(reader, draft, "a variable"))
    return found


def a_group(reader: Reader, draft: Draft) -> list[Name]:
    """Take one name, or names in braces; a group inside a group is part of it."""
    opened = reader.accept("{")
    if opened is None:
        return [a_name(reader, draft, "a variable or a group in braces")]
    found: list[Name] = []
    depth = 1
    while depth:
        token = reader.peek()
        if token.kind == "end":
            reader.fail(f"the group that begins in line {opened.line} is not closed: expected '}}'.")
        if token.text in EDGES or token.text == ";":
            reader.fail(f"{shown(token.text)} stands inside a group, which holds names alone.")
        if reader.accept("{"):
            depth += 1
        elif reader.accept("}"):
            depth -= 1
        elif not reader.accept(",", "\n"):
            found.append(a_name(reader, draft, "a variable or '}'"))
    if not found:
        reader.fail("this group is empty.", opened)
    return found


def ends(draft: Draft, names: list[Name]) -> list[End]:
    """The variables of some names, as ends of an edge."""
    return [End(token, draft.variable(token), near) for token, near in names]


def in_network(draft: Draft) -> bool:
    """Whether the text stands inside a network, so that ``.near`` means the neighbours."""
    return draft.places.network(draft.places.here) >= 0


def at_block(reader: Reader) -> bool:
    """Whether a plate or network begins here: it needs no separator before it."""
    return reader.peek().text in BLOCKS and reader.peek(1).kind in ("word", "quoted") and reader.peek(2).text == "{"


def skip_lines(reader: Reader) -> None:
    """Pass over line ends where they are blanks."""
    while reader.accept("\n"):
        pass


def unexpected(reader: Reader, expected: str, hint: str = "") -> NoReturn:
    """Fail at the next token; a mark of another language is named with what to write here."""
    text = reader.peek().text
    if text == ">":
        hint = " An arrow is written '->'."
    elif text in ("[", "]"):
        hint = " Attributes in brackets belong to DAGitty text, which begins with 'dag {'."
    reader.fail(f"expected {expected}, found {reader.found()}.{hint}")
