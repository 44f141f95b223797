"""Words in place of states: which of two stands for 1 is the user's to say, never the alphabet's."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import TYPE_CHECKING

from umbel.errors import QuestionError, did_you_mean, shown
from umbel.lexer import quoted_if_needed
from umbel.model.formula import Compare, Constant, Covariate, Formula, operands
from umbel.model.policy import Family
from umbel.model.query import Best, Drawn, Expectation, Named, Probability, Question, settings_of, terms_of

if TYPE_CHECKING:
    from umbel.data.study import Study

BY_ORDER = ("Bernoulli", "Categorical")
"""Families that name states by their place."""


def check_order(question: Question, declared: Container[str], studies: Sequence[Study]) -> None:
    """Refuse questions that count states which are words that nobody put in order.

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
        For such words, with the declaration that is missing.
    """
    for name, text in dict.fromkeys(_counted(question)):
        if name in declared or any(study.column(name).states is not None for study in studies):
            continue
        words = _words(studies, name)
        if len(words) > 1:
            order = " < ".join(quoted_if_needed(one) for one in words)
            raise QuestionError(
                f"{shown(name)} holds words ({', '.join(words)}), and {text} does not say which comes first. Declare "
                f"their order, reference first: `states {quoted_if_needed(name)} = {{ {order} }}`, or another one."
            )


def check_words(question: Question, declared: Container[str], studies: Sequence[Study]) -> None:
    """Refuse policies that ask whether a variable has a word that no row has: it would never hold, silently.

    Parameters
    ----------
    question, declared, studies
        As for :func:`check_order`; words of declared states were checked with the graph.

    Raises
    ------
    QuestionError
        With the words that the data have.
    """
    for name, word in dict.fromkeys(_compared(question)):
        if name in declared:
            continue
        words = _words(studies, name)
        if words and word not in words:
            raise QuestionError(
                f"No row has {name} = {shown(word)}, which a policy asks for. {did_you_mean(word, words)}"
            )


def _compared(question: Question) -> Iterator[tuple[str, str]]:
    """Variables with the words that policies compare them with."""
    body = question.body.body if isinstance(question.body, Best) else question.body
    for term in terms_of(body):
        if isinstance(term, Probability | Expectation):
            for one in settings_of(term):
                if isinstance(one, Drawn) and isinstance(one.law, Family):
                    for formula in one.law.arguments:
                        yield from _comparisons(formula)


def _comparisons(formula: Formula) -> Iterator[tuple[str, str]]:
    match formula:
        case Compare(Covariate(name), "=" | "!=", Constant(str() as word)):
            yield name, word
        case Compare(Constant(str() as word), "=" | "!=", Covariate(name)):
            yield name, word
        case _:
            for inner in operands(formula):
                yield from _comparisons(inner)


def _words(studies: Sequence[Study], name: str) -> tuple[str, ...]:
    """Words that studies have for states; none where one has numbers, which is another mistake."""
    from umbel.data.profile import words_of

    found = [words_of(study, name) for study in studies if study.holds(name)]
    return tuple(sorted({one for words in found for one in words})) if all(found) else ()


def _counted(question: Question) -> Iterator[tuple[str, str]]:
    """Variables whose states are named by their place, each with what does so."""
    body = question.body.body if isinstance(question.body, Best) else question.body
    for term in terms_of(body):
        match term:
            case Named(kind, treatment, outcome):
                for name in (treatment, outcome):
                    yield name, f"{kind}({quoted_if_needed(treatment)}, {quoted_if_needed(outcome)})"
            case Probability() | Expectation():
                for one in settings_of(term):
                    match one:
                        case Drawn(name, Family(family)) if family in BY_ORDER:
                            yield name, f"{quoted_if_needed(name)} ~ {family}(…)"
            case _:
                pass
