"""Estimands as people write them: text, LaTeX and JSON.

Text reads like a paper set in plain type: ``Σ_{Z} P(Z | X) (Σ_{X'} P(Y | X', Z) P(X'))``. The
law of a unit's members is ``Q[Y|A]`` as a variable and ``Q(Y | A)`` as a value; ``∫`` runs over
laws, ``Σ`` over ordinary variables.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from umbel.expr.build import ONE, factors_of, free, leaves, product, substituted
from umbel.expr.nodes import (
    AtState,
    Certain,
    Drawn,
    Equilibrium,
    Expr,
    Inside,
    Law,
    Linear,
    Meaning,
    NetworkLaw,
    NetworkMean,
    Number,
    NumericValue,
    Policy,
    Probability,
    Product,
    Quotient,
    Raw,
    Slot,
    Sum,
    Symbol,
    Value,
)
from umbel.expr.words import latex_name, latex_words
from umbel.lexer import quoted, quoted_if_needed
from umbel.variable import State


@dataclass(frozen=True, slots=True)
class Style:
    """The marks of one notation; everything else is shared between text and LaTeX."""

    sum: str
    integral: str
    bar: str
    quotient: tuple[str, str, str]
    group: tuple[str, str]
    point: str
    latex: bool
    sources: bool = False


TEXT = Style("Σ_{", "∫_{", " | ", ("", " / ", ""), ("(", ")"), "δ", False)
LATEX = Style("\\sum_{", "\\int_{", " \\mid ", ("\\frac{", "}{", "}"), ("\\left(", "\\right)"), "\\delta", True)


def meaning_text(meaning: Meaning) -> str:
    """A meaning in plain words: ``Y``, ``Q[Y|A]``, ``Q[Q[Y|A], Z]``.

    Examples
    --------
    >>> meaning_text(Raw("Birth weight"))
    '"Birth weight"'
    """
    return _meaning(meaning, TEXT)


def text(expr: Expr) -> str:
    """The estimand in one line of plain text; where several sources are read, ``P_2`` is the second's law."""
    return _expr(expr, _numbered(expr, TEXT))


def latex(expr: Expr) -> str:
    """The estimand as LaTeX for a maths environment; where several sources are read, ``P_{2}`` is the second's law."""
    return _expr(expr, _numbered(expr, LATEX))


def _numbered(expr: Expr, style: Style) -> Style:
    """The notation that numbers the sources, where not everything is read from the first."""
    several = any(isinstance(leaf, Probability) and leaf.source for leaf in leaves(expr))
    return replace(style, sources=True) if several else style


def is_conditional(law: Law) -> bool:
    """Whether a law is the ordinary conditional of its members, not a result of identification."""
    formula = law.formula
    if not isinstance(formula, Probability):
        return False
    return {s.meaning for s in formula.of if isinstance(s, Symbol)} == set(law.of) and {
        s.meaning for s in formula.given if isinstance(s, Symbol)
    } == set(law.given)


def _name(name: str, style: Style) -> str:
    return latex_name(name) if style.latex else quoted_if_needed(name)


def _number(value: float, style: Style) -> str:
    """A number with as many digits as a reader may need to compute with it."""
    words = f"{value:.12g}"
    if style.latex and "e" in words:
        mantissa, exponent = words.split("e")
        return f"{mantissa} \\times 10^{{{int(exponent)}}}"
    return words


def _meaning(meaning: Meaning, style: Style) -> str:
    match meaning:
        case Raw(name):
            return _name(name, style)
        case Law(of, given):
            if style.latex:
                inner = ", ".join(_meaning(m, style) for m in of)
                reads = ", ".join(_meaning(m, style) for m in given)
                bar = (" \\mid " if is_conditional(meaning) else "; \\mathrm{do}\\,") + reads if given else ""
                return f"Q^{{{inner}{bar}}}"
            separator = "|" if is_conditional(meaning) else "|do "
            after = separator + ",".join(_meaning(m, style) for m in given) if given else ""
            return f"Q[{','.join(_meaning(m, style) for m in of)}{after}]"


def _symbol(symbol: Symbol, style: Style) -> str:
    name = _meaning(symbol.meaning, style)
    if not symbol.copy:
        return name
    return f"{{{name}}}{chr(39) * symbol.copy}" if style.latex else name + "'" * symbol.copy


def state_text(state: State) -> str:
    """A state as the question language writes it."""
    if isinstance(state, bool):
        return "true" if state else "false"
    return quoted(state) if isinstance(state, str) else repr(state)


def _value(value: Value | Symbol, style: Style) -> str:
    match value:
        case Symbol():
            return _symbol(value, style)
        case AtState(state):
            return _name(state, style) if style.latex and isinstance(state, str) else state_text(state)
        case Policy(_, given, law):
            if law is not None:
                return latex_words(law.text) if style.latex else law.text
            return "q" + ("(" + ", ".join(_name(m.name, style) for m in given) + ")" if given else "")
        case Certain(inner):
            return (
                f"{style.point}_{{{_value(inner, style)}}}" if style.latex else f"{style.point}({_value(inner, style)})"
            )
        case _:
            assert_never(value)


def _slot(slot: Slot, style: Style) -> str:
    if isinstance(slot, Symbol):
        return _symbol(slot, style)
    return f"{_symbol(slot.symbol, style)} = {_value(slot.value, style)}"


def _slots(of: tuple[Slot, ...], given: tuple[Slot, ...], style: Style, *, fixed: bool = False) -> str:
    after = ", ".join(_slot(slot, style) for slot in given)
    if fixed and after:
        after = f"\\mathrm{{do}}({after})" if style.latex else f"do({after})"
    return ", ".join(_slot(slot, style) for slot in of) + (style.bar + after if after else "")


def _leaf(leaf: Probability | Inside | Drawn, style: Style, *, mean: bool = False) -> str:
    left, right = ("[", "]") if mean else ("(", ")")
    match leaf:
        case Probability(of, given, _, source):
            number = (f"_{{{source + 1}}}" if style.latex else f"_{source + 1}") if style.sources else ""
            return f"{'E' if mean else 'P'}{number}{left}{_slots(of, given, style)}{right}"
        case Inside(law, of, given):
            assert isinstance(law.meaning, Law)
            letter = ("E_Q" if mean else "Q") + "'" * law.copy
            return f"{letter}{left}{_slots(of, given, style, fixed=not is_conditional(law.meaning))}{right}"
        case Drawn(policy, of, given):
            if policy.law is None:
                return f"q({_slots((of,), given, style)})"
            words = latex_words(policy.law.text) if style.latex else policy.law.text
            tilde = " \\sim " if style.latex else " ~ "
            return f"[{_slot(of, style)}{tilde}{words}]"


def _equilibrium(expr: Equilibrium, style: Style) -> str:
    """``P*(A, B; q(A | B), P(B | A, C))``: where the block settles under the laws that follow."""
    read = {slot.meaning: slot for slot in expr.of if isinstance(slot, Symbol)}
    names: dict[Symbol, Slot] = {one: read[one.meaning] for one in expr.members if one.meaning in read}
    laws = ", ".join(_expr(substituted(law, names), style) for law in expr.laws)
    of = ", ".join(_slot(slot, style) for slot in expr.of)
    return f"P^{{*}}({of};\\, {laws})" if style.latex else f"P*({of}; {laws})"


def _network_mean(expr: NetworkMean, style: Style) -> str:
    """``E[Y; A ~ Bernoulli(0.3), P*(Y | A, A.near, Y.near)]``; a star marks a law that settles."""
    drawn = " \\sim " if style.latex else " ~ "
    parts = [
        f"{_name(of.name, style)}{drawn if isinstance(value, Policy) else ' = '}{_value(value, style)}"
        for of, value in expr.set_to
    ]
    parts += [_network_law(law, style) for law in expr.laws]
    sign = ";\\, " if style.latex else "; "
    among = ", ".join(_kept(of, value, style) for of, value in expr.among)
    body = f"{sign if parts else ''}{', '.join(parts)}{style.bar + among if among else ''}"
    if expr.state is not None:
        return f"P({_kept(expr.outcome, expr.state, style)}{body})"
    return f"E[{_name(expr.outcome.name, style)}{body}]"


def _kept(of: Raw, value: AtState | Symbol, style: Style) -> str:
    """A variable at a value, or at every value in turn."""
    return _symbol(value, style) if isinstance(value, Symbol) else f"{_name(of.name, style)} = {_value(value, style)}"


def _network_law(law: NetworkLaw, style: Style) -> str:
    near, star = ("_{\\mathrm{near}}", "^{*}") if style.latex else (".near", "*")
    around = (*law.near, law.of) if law.settled else law.near
    words = [_name(one.name, style) for one in law.own] + [_name(one.name, style) + near for one in around]
    mean = "\\mathrm{mean}" if style.latex else "mean"
    words += [f"{mean}({_name(one.name, style)}{near})" for one in law.means]
    given = style.bar + ", ".join(words) if words else ""
    return f"P{star if law.settled else ''}({_name(law.of.name, style)}{given})"


def _sum(over: tuple[Symbol, ...], body: Expr, style: Style) -> str:
    """A sum, with ``Σ_Y Y P(Y | …)`` written as an expectation."""
    factors = list(factors_of(body))
    for symbol in over:
        reading = [factor for factor in factors if symbol in free(factor)]
        law = next((factor for factor in reading if isinstance(factor, Probability | Inside)), None)
        if law is None or len(reading) != 2 or NumericValue(symbol) not in reading or symbol not in law.of:
            continue
        left = tuple(other for other in over if other != symbol)
        factors.remove(NumericValue(symbol))
        at = factors.index(law)
        factors.remove(law)
        words = [_factor(factor, style) for factor in factors]
        # Among laws inside units the expectation stands last, as the innermost term.
        place = at if isinstance(law, Probability) else len(words)
        return _signs(left, style) + " ".join([*words[:place], *_mean(symbol, law, style), *words[place:]])
    return _signs(over, style) + _expr(product(factors), style)


def _mean(symbol: Symbol, law: Probability | Inside, style: Style) -> list[str]:
    """The expectation of one variable of a law, and the law of the others: ``E[Y | A, …] P(A | …)``."""
    rest = tuple(slot for slot in law.of if slot != symbol)
    mean = [_leaf(replace(law, of=(symbol,), given=rest + law.given), style, mean=True)]
    return [*mean, _leaf(replace(law, of=rest), style)] if rest else mean


def _signs(over: tuple[Symbol, ...], style: Style) -> str:
    raw = [symbol for symbol in over if isinstance(symbol.meaning, Raw)]
    laws = [symbol for symbol in over if isinstance(symbol.meaning, Law)]
    parts = [(style.sum, raw), (style.integral, laws)]
    return "".join(f"{sign}{', '.join(_symbol(s, style) for s in group)}}} " for sign, group in parts if group)


def _side(expr: Expr, style: Style) -> str:
    """A side of a quotient: in brackets in plain text, but for a single law."""
    words = _expr(expr, style)
    alone = isinstance(expr, Probability | Number) or (isinstance(expr, Sum) and _is_mean(expr) and words[0] == "E")
    return words if style.latex or alone else f"[{words}]"


def _factor(expr: Expr, style: Style) -> str:
    """A factor of a product, in parentheses where it would swallow what follows."""
    words = _expr(expr, style)
    if isinstance(expr, Sum) and words[0] not in "E":
        return f"{style.group[0]}{words}{style.group[1]}"
    grouped = isinstance(expr, Linear) or (isinstance(expr, Quotient) and not style.latex)
    return f"{style.group[0]}{words}{style.group[1]}" if grouped else words


def _expr(expr: Expr, style: Style) -> str:
    match expr:
        case Number(value):
            return _number(value, style)
        case NumericValue(symbol):
            return _symbol(symbol, style)
        case Probability() | Inside() | Drawn():
            return _leaf(expr, style)
        case Equilibrium():
            return _equilibrium(expr, style)
        case NetworkMean():
            return _network_mean(expr, style)
        case Product(factors):
            return " ".join(_factor(factor, style) for factor in _sums_last(factors))
        case Quotient(numerator, denominator):
            opening, middle, closing = style.quotient
            return f"{opening}{_side(numerator, style)}{middle}{_side(denominator, style)}{closing}"
        case Sum(over, body):
            return _sum(over, body, style)
        case Linear(terms):
            return _linear(terms, style)
        case _:
            assert_never(expr)


def _sums_last(factors: tuple[Expr, ...]) -> list[Expr]:
    """Leaves and expectations before sums: an order of reading, since products commute."""
    return sorted(factors, key=lambda factor: isinstance(factor, Sum) and not _is_mean(factor))


def _is_mean(expr: Sum) -> bool:
    """Whether a sum is an expectation of a variable, not inside units."""
    read = {type(factor) for factor in factors_of(expr.body)}
    return len(expr.over) == 1 and read == {NumericValue, Probability} and len(factors_of(expr.body)) == 2


def _linear(terms: tuple[tuple[float, Expr], ...], style: Style) -> str:
    words = ""
    for coefficient, term in terms:
        if isinstance(term, Number):
            coefficient, term = coefficient * term.value, ONE
        sign = " - " if coefficient < 0 else " + "
        if not words:
            sign = "-" if coefficient < 0 else ""
        if term == ONE:
            words += sign + _number(abs(coefficient), style)
            continue
        amount = "" if abs(coefficient) == 1 else f"{_number(abs(coefficient), style)} "
        words += sign + amount + (_expr(term, style) if isinstance(term, Quotient) else _factor(term, style))
    return words


def to_json(expr: Expr) -> dict[str, object]:
    """The estimand as nested dictionaries of plain values."""
    match expr:
        case Number(value):
            return {"number": value}
        case NumericValue(symbol):
            return {"value": _symbol(symbol, TEXT)}
        case Probability(of, given, level, source):
            return {"P": _listed(of), "given": _listed(given), "level": list(level), "source": source}
        case Inside(law, of, given):
            return {"law": _symbol(law, TEXT), "at": _listed(of), "given": _listed(given)}
        case Drawn(policy, of, given):
            return {"drawn": _value(policy, TEXT), "at": _slot(of, TEXT), "given": _listed(given)}
        case Equilibrium(of, members, laws):
            parts = [[_symbol(one, TEXT), to_json(law)] for one, law in zip(members, laws, strict=True)]
            return {"equilibrium": _listed(of), "laws": parts}
        case NetworkMean(outcome, set_to, laws, state, among):
            values, whose = (
                [[_name(of.name, TEXT), _value(value, TEXT)] for of, value in one] for one in (set_to, among)
            )
            found: dict[str, object] = {"network mean": _name(outcome.name, TEXT), "set": values}
            found["laws"] = [_network_law(law, TEXT) for law in laws]
            found |= {} if state is None else {"state": _value(state, TEXT)}
            return found | ({"among": whose} if whose else {})
        case Product(factors):
            return {"product": [to_json(factor) for factor in factors]}
        case Quotient(numerator, denominator):
            return {"quotient": [to_json(numerator), to_json(denominator)]}
        case Sum(over, body):
            return {"sum": [_symbol(symbol, TEXT) for symbol in over], "of": to_json(body)}
        case Linear(terms):
            return {"linear": [[coefficient, to_json(term)] for coefficient, term in terms]}
        case _:
            assert_never(expr)


def _listed(slots: tuple[Slot, ...]) -> list[str]:
    return [_slot(slot, TEXT) for slot in slots]
