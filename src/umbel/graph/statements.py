"""Statements of graph text that begin with a keyword, and the definitions of macro-variables."""

from __future__ import annotations

from collections.abc import Callable

from umbel.errors import did_you_mean, shown
from umbel.graph.draft import Draft, End
from umbel.graph.words import a_group, a_name, own, own_name, skip_lines, some_names, unexpected
from umbel.lexer import Reader
from umbel.variable import Domain, State

MAPS = ("sum", "mean", "weighted")

MOST_STATES = 10_000
"""Most states of a variable and most classes of a latent: a slip of the pen costs no memory."""


def read_plate(reader: Reader, draft: Draft) -> None:
    """``plate student {``; what it holds follows as statements."""
    _open(reader, draft, network=False)


def read_network(reader: Reader, draft: Draft) -> None:
    """``network person {``; what it holds follows as statements."""
    _open(reader, draft, network=True)


def _open(reader: Reader, draft: Draft, *, network: bool) -> None:
    name = reader.name(f"the name of the {'network' if network else 'plate'}")
    skip_lines(reader)
    reader.expect("{", f"after the name {shown(str(name.value))}")
    draft.places.open(name, network=network)


def read_latent(reader: Reader, draft: Draft) -> None:
    """``latent U V``."""
    for name in some_names(reader, draft):
        draft.hide(draft.variable(own(reader, name)))


def read_classes(reader: Reader, draft: Draft) -> None:
    """``classes U = 2`` or ``classes U``."""
    token = own_name(reader, draft, "a variable")
    draft.classes(token, _count(reader, "a number of classes", least=2) if reader.accept("=") else None)


def read_states(reader: Reader, draft: Draft) -> None:
    """``states Gender = 2`` or ``states Arm = { placebo < low < high }``."""
    token = own_name(reader, draft, "a variable")
    expected = "a number of states, or { labels }"
    reader.expect("=", f"and {expected}")
    labelled = reader.accept("{")
    draft.states(token, Domain(_labels(reader)) if labelled else Domain.of_size(_count(reader, expected, least=1)))


def _labels(reader: Reader) -> tuple[State, ...]:
    """The rest of ``{ placebo < low < high }``; new lines are blanks."""
    labels: list[State] = []
    while True:
        skip_lines(reader)
        place = reader.peek()
        label = _label(reader)
        if label in labels:
            reader.fail(f"the state {shown(str(label))} stands twice.", place)
        labels.append(label)
        skip_lines(reader)
        # "0 <-1" holds the sign of the next label in its mark.
        if not reader.at("<-") and not reader.accept("<"):
            break
    reader.expect("}", "or '<' after a label")
    return tuple(labels)


def _label(reader: Reader) -> State:
    """One state: a number, true, false, a word or a quoted text."""
    token = reader.peek()
    if token.kind == "number" or token.text in ("-", "<-"):
        return _number(reader, "a number after '-'")
    if token.kind not in ("word", "quoted"):
        reader.fail(f"expected a label, as in {{ low < high }}, found {reader.found()}.")
    reader.next()
    return {"true": True, "false": False}.get(token.text, str(token.value))


def read_assume(reader: Reader, draft: Draft) -> None:
    """``assume shared X`` or ``assume monotone A -> W``."""
    kind = reader.next()
    if kind.text == "shared":
        for name in some_names(reader, draft):
            draft.shared(own(reader, name))
    elif kind.text == "monotone":
        _monotone(reader, draft)
    else:
        reader.fail(f"{shown(kind.text)} is nothing to assume. {did_you_mean(kind.text, ('shared', 'monotone'))}", kind)


def _monotone(reader: Reader, draft: Draft) -> None:
    left = a_group(reader, draft)
    if not reader.at("->") and not reader.at("<-"):
        reader.fail(f"expected an arrow, as in 'assume monotone A -> W', found {reader.found()}.")
    while mark := reader.accept("->", "<-"):
        right = a_group(reader, draft)
        causes, effects = (left, right) if mark.text == "->" else (right, left)
        for cause in causes:
            for effect in effects:
                draft.monotone(own(reader, cause), own(reader, effect))
        left = right


def read_macro(reader: Reader, draft: Draft) -> None:
    """``Sales = sum(Shampoo, Soap)``, ``mean(…)`` or ``weighted(X1: 2, X2: 1)``."""
    child = own_name(reader, draft, "a variable")
    draft.variable(child)
    reader.expect("=")
    kind = reader.peek()
    if kind.text not in MAPS:
        hint = f" {did_you_mean(kind.text, MAPS)}" if kind.kind == "word" else ""
        unexpected(reader, "sum(…), mean(…) or weighted(…)", hint)
    reader.next()
    reader.expect("(", f"after {kind.text!r}")
    parts: list[End] = []
    weights: list[float] = []
    more = True
    while more:
        skip_lines(reader)
        token, near = a_name(reader, draft, "a variable")
        parts.append(End(token, draft.variable(token), near))
        if kind.text == "weighted":
            reader.expect(":", "and the weight of this part")
        weights.append(float(_number(reader, "a weight")) if kind.text == "weighted" else 1.0)
        skip_lines(reader)
        more = reader.accept(",") is not None
    reader.expect(")", "or ',' after a part")
    draft.aggregate(child, kind.text, parts, weights)


def _number(reader: Reader, expected: str) -> int | float:
    sign = -1 if reader.accept("-", "<-") else 1
    token = reader.peek()
    if isinstance(token.value, str):
        reader.fail(f"expected {expected}, found {reader.found()}.")
    reader.next()
    return sign * token.value


def _count(reader: Reader, expected: str, *, least: int) -> int:
    token = reader.peek()
    value = _number(reader, expected)
    if not isinstance(value, int) or not least <= value <= MOST_STATES:
        reader.fail(f"expected {expected}, from {least} to {MOST_STATES}, found {shown(token.text, 24)}.", token)
    return value


STATEMENTS: dict[str, Callable[[Reader, Draft], None]] = {
    "plate": read_plate,
    "network": read_network,
    "latent": read_latent,
    "classes": read_classes,
    "states": read_states,
    "assume": read_assume,
}
