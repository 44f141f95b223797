"""States that a question names or counts beside those that tables hold.

Which of two stands for 1 is the user's to say, never the alphabet's; and text matches text alone, a
number a number: a value that no row can have would otherwise hold nowhere, in silence.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from umbel.errors import QuestionError, did_you_mean, shown
from umbel.lexer import quoted_if_needed
from umbel.model.formula import Compare, Constant, Covariate, Formula, operands
from umbel.model.policy import Family
from umbel.model.query import (
    OF_MEANS,
    Best,
    ClassEffects,
    Drawn,
    Expectation,
    Held,
    Named,
    Probability,
    Question,
    settings_of,
    terms_of,
)
from umbel.variable import Domain, State

if TYPE_CHECKING:
    from umbel.data.study import Study

BY_ORDER = ("Bernoulli", "Categorical")
"""Families that name states by their place."""


def check_order(question: Question, declared: Container[str], studies: Sequence[Study]) -> None:
    """Refuse questions that count states which are words that nobody put in order, or numbers other than 0 and 1.

    Parameters
    ----------
    question
        ``PNS(A, Y)`` and its kin compare the second state with the first; ``Bernoulli(0.7)`` is the
        chance of the second.
    declared
        Variables whose states the graph or the equations give.
    studies
        The data; their own declarations count.

    Raises
    ------
    QuestionError
        For such states, with the declaration that is missing.
    """
    for name, text, ones in dict.fromkeys(_counted(question)):
        if name in declared:
            continue
        described = next((one for study in studies if (one := study.column(name).states) is not None), None)
        if described is not None:
            if ones and "~" not in text and described.states != (0, 1):  # identification spells the two states out
                order = " < ".join(
                    quoted_if_needed(one) if isinstance(one, str) else str(one) for one in described.states
                )
                raise QuestionError(
                    f"{text} compares states of {shown(name)}, which the graph has to give: add "
                    f"`states {quoted_if_needed(name)} = {{ {order} }}` there, and leave them out of [variables]."
                )
            continue
        words = _words(studies, name)
        if not words and ones:
            _check_ones(studies, name, text)
        if len(words) > 1:
            order = " < ".join(quoted_if_needed(one) for one in words)
            raise QuestionError(
                f"{shown(name)} holds words ({', '.join(words)}), and {text} does not say which comes first. Declare "
                f"their order, reference first: `states {quoted_if_needed(name)} = {{ {order} }}`, or another one."
            )


def _check_ones(studies: Sequence[Study], name: str, text: str) -> None:
    """Refuse 1 and 2 where 0 and 1 are meant: the 1 of the family's name would be the other's value."""
    from umbel.data.profile import whole_numbers_of

    found = sorted({one for study in studies if study.holds(name) for one in whole_numbers_of(study, name)})
    if len(found) == 2 and found != [0, 1]:
        order = " < ".join(map(str, found))
        raise QuestionError(
            f"{shown(name)} is {found[0]} or {found[1]} in the data, and {text} speaks of 0 and 1. Say which is which, "
            f"reference first: `states {quoted_if_needed(name)} = {{ {order} }}`, or the other way round."
        )


def places_told(question: Question, domains: Mapping[str, Domain], studies: Sequence[Study]) -> tuple[str, ...]:
    """For each Bernoulli law of states that are not 0 and 1: which state its probability is of.

    Parameters
    ----------
    question, studies
        As for :func:`check_order`.
    domains
        States that the graph or the equations give.
    """
    lines = []
    for name, text, _ in dict.fromkeys(_counted(question)):
        described = next((one.states for study in studies for one in (study.column(name),) if one.states), None)
        domain = domains.get(name) or described
        if domain is not None and "Bernoulli" in text and len(domain) == 2 and domain.states != (0, 1):
            lines.append(f"{text} is the probability of {name} = {domain.states[1]}, the second of its states.")
    return tuple(lines)


def check_words(question: Question, declared: Container[str], studies: Sequence[Study]) -> None:
    """Refuse values that no row can have: words of policies that no row has, numbers of words, words of numbers.

    Parameters
    ----------
    question, declared, studies
        As for :func:`check_order`; values of declared states were checked with the graph.

    Raises
    ------
    QuestionError
        With the words that the data have.
    """
    for name, value in dict.fromkeys((*_compared(question), *_named(question))):
        if name not in declared and not _described(studies, name):
            _check_kind(studies, name, value)
    for name, word in dict.fromkeys(_compared(question)):
        if name in declared or not isinstance(word, str):
            continue
        words = _words(studies, name)
        if words and word not in words:
            raise QuestionError(
                f"No row has {name} = {shown(word)}, which a policy asks for. {did_you_mean(word, words)}"
            )


def _check_kind(studies: Sequence[Study], name: str, value: State) -> None:
    """Text matches text, and numbers match numbers."""
    from umbel.data.doubts import suspected_states
    from umbel.data.profile import is_numeric, whole_numbers_of, words_of

    for study in studies:
        if not study.holds(name):
            continue
        words, place = words_of(study, name), f"column {shown(study.column(name).column)} of {study!r}"
        if words and not isinstance(value, str):
            told = ", ".join(f'"{one}"' for one in words[:8])
            remedy = "Make the column numbers"
            if str(value) in words:
                remedy = f'Write {quoted_if_needed(name)}="{value}" to ask for the text, or make the column numbers'
            for code in suspected_states(words)[:1]:
                remedy += f'; if "{code}" means missing, declare missing = ["{code}"]'
            raise QuestionError(
                f"The question asks for {name} = {value}, a number, and {place} holds text: {told}. {remedy}."
            )
        if isinstance(value, str) and (is_numeric(study, name) or whole_numbers_of(study, name)):
            raise QuestionError(
                f'The question asks for {name} = "{value}", a text, and {place} holds numbers. '
                "Ask for a number, without quotes."
            )


def _named(question: Question) -> Iterator[tuple[str, State]]:
    """Variables with the values that the question sets them to, or asks for."""
    body = question.body.body if isinstance(question.body, Best) else question.body
    for term in terms_of(body):
        if isinstance(term, Probability | Expectation):
            for one in settings_of(term):
                if isinstance(one, Held):
                    yield one.name, one.value
        if isinstance(term, Probability | Expectation | Named):
            asked = (*term.given, *(term.outcomes if not isinstance(term, Named) else ()))
            for event in asked:
                if event.value is not None:
                    yield event.variable, event.value


def _compared(question: Question) -> Iterator[tuple[str, State]]:
    """Variables with the values that policies compare them with."""
    body = question.body.body if isinstance(question.body, Best) else question.body
    for term in terms_of(body):
        if isinstance(term, Probability | Expectation):
            for one in settings_of(term):
                if isinstance(one, Drawn) and isinstance(one.law, Family):
                    for formula in one.law.arguments:
                        yield from _comparisons(formula)


def _comparisons(formula: Formula) -> Iterator[tuple[str, State]]:
    match formula:
        case Compare(Covariate(name), "=" | "!=", Constant(value)):
            yield name, value
        case Compare(Constant(value), "=" | "!=", Covariate(name)):
            yield name, value
        case _:
            for inner in operands(formula):
                yield from _comparisons(inner)


def _words(studies: Sequence[Study], name: str) -> tuple[str, ...]:
    """Words that studies have for states; none where one has numbers, which is another mistake."""
    from umbel.data.profile import words_of

    found = [words_of(study, name) for study in studies if study.holds(name)]
    return tuple(sorted({one for words in found for one in words})) if all(found) else ()


def _described(studies: Sequence[Study], name: str) -> bool:
    return any(study.column(name).states is not None for study in studies)


def _counted(question: Question) -> Iterator[tuple[str, str, bool]]:
    """Variables whose states are named by their place, each with what does so, and whether it speaks of 0 and 1."""
    body = question.body.body if isinstance(question.body, Best) else question.body
    for term in terms_of(body):
        match term:
            case Named(kind, treatment, outcome):
                text = f"{kind}({quoted_if_needed(treatment)}, {quoted_if_needed(outcome)})"
                yield treatment, text, kind in OF_MEANS
                yield outcome, text, False
            case ClassEffects(treatment, outcome, latent):
                names = f"{quoted_if_needed(treatment)}, {quoted_if_needed(outcome)} | {quoted_if_needed(latent)}"
                yield treatment, f"MTE({names})", True
            case Probability() | Expectation():
                for one in settings_of(term):
                    match one:
                        case Drawn(name, Family(family)) if family in BY_ORDER:
                            yield name, f"{quoted_if_needed(name)} ~ {family}(…)", family == "Bernoulli"
            case _:
                pass
