"""Any text is a question or one documented error, on one line, soon."""

from __future__ import annotations

import random
import re
import time

import pytest

from tests.model.test_round_trip import EXAMPLES
from umbel.errors import GrammarError, QuestionError
from umbel.graph.mixed import Aggregate, Facts, Graph, Part
from umbel.lexer import MOST_DIGITS
from umbel.model.parse import MARKS, parse_question
from umbel.model.parse_policy import MOST_NESTED
from umbel.model.query import Question
from umbel.model.validate import check_question
from umbel.variable import Domain

WORDS = ("P", "E", "do", "max", "PNS", "ATE", "MTE", "q", "by", "natural", "shift", "point", "true", "Y", "A", "X", "k")
NUMBERS = ("0", "1", "-1", ".5", "1e999", "1e-999", "9" * 5000, "0x1", "1_0", "٣", "1.2.3")
HOSTILE = (
    "(" * 200,
    "[" * 200,
    '"',
    "\\",
    "\x00",
    "\u202e",
    "\ud800",
    "\ufeff",
    "\n",
    "#",
    "é",
    "→",
    "“",
    "💐",
    "Bernoulli(",
)
LONGEST_SECONDS = 60  # seconds a quadratic reader would need, many times over what ours takes

NAMES = ("A", "X", "Y", "U", "M", "C", "X1", "X2", "Sales", "T", "Region")
GRAPH = Graph(
    names=NAMES,
    parents=(0b1010, 0, 0b1, *(0 for _ in NAMES[3:])),
    siblings=(0,) * len(NAMES),
    neighbours=(0,) * len(NAMES),
    latent=0b1000,
    aggregates=(Aggregate(8, "sum", (Part(6), Part(7))),),
    facts=Facts(classes=((3, 2),), domains=((0, Domain((0, 1))), (10, Domain(("north", "south"))))),
)


def ask(text: str) -> Question | None:
    """Parse a text, check that what parses round-trips, and ask it of a graph."""
    try:
        question = parse_question(text)
    except GrammarError as error:
        message = str(error)
        assert len(message.splitlines()) == 1 and len(message) < 400, message
        assert message.startswith(f"question, line {error.line}, column {error.column}: ")
        message.encode()
        return None
    again = parse_question(str(question))
    assert again == question and str(again) == str(question)
    try:
        checked = check_question(GRAPH, question)
    except QuestionError as error:
        assert len(str(error).splitlines()) == 1 and len(str(error)) < 600, str(error)
    else:
        assert check_question(GRAPH, checked) == checked
    return question


def mutated(text: str, rng: random.Random) -> str:
    """A text with one to three edits, of characters or of whole words."""
    for _ in range(rng.randrange(1, 4)):
        words = re.findall(r"\w+|\W", text) or [""]
        at, other = rng.randrange(len(words)), rng.randrange(len(words))
        match rng.randrange(11):
            case 0:
                del words[at : at + rng.randrange(1, 4)]
            case 1:
                words[at], words[other] = words[other], words[at]
            case 2:
                words[at] = rng.choice(MARKS)
            case 3:
                words.insert(at, rng.choice((*WORDS, *NUMBERS, *HOSTILE)))
            case 4:
                words[at] = words[at][1:] + chr(rng.randrange(0x2FF))
            case 5:
                donor = rng.choice(tuple(EXAMPLES))
                words[at:] = donor[rng.randrange(len(donor)) :]
            case _:  # the edit that most often leaves a question
                if words[at].isalnum():
                    words[at] = rng.choice((*NAMES, *WORDS, *NAMES))
        text = "".join(words)
    return text


def test_mutated_and_random_texts(draws: int) -> None:
    rng = random.Random(0)
    examples = tuple(EXAMPLES)
    pieces = (*WORDS, *NUMBERS, *HOSTILE, *MARKS, *NAMES, " ", "\n")
    parsed = 0
    for draw in range(draws):
        if draw % 5:
            text = mutated(rng.choice(examples), rng)
        else:
            text = "".join(rng.choice(pieces) for _ in range(rng.randrange(20)))
        parsed += ask(text) is not None
    assert parsed > draws / 20  # else the mutations would test the lexer alone


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_beginning_of_an_example(text: str) -> None:
    for end in range(len(text)):
        ask(text[:end])


HUGE = {
    "open round": "(" * 20_000,
    "open square": "P(" + "Y[" * 20_000,
    "open terms": "E[" * 20_000,
    "open in a formula": "P(Y | do(A ~ Bernoulli(" + "(" * 20_000,
    "open functions": "P(Y | do(A ~ Bernoulli(" + "expit(" * 20_000,
    "minus signs": "-" * 100_000 + "E[Y]",
    "minus signs in a formula": f"P(Y | do(A ~ Bernoulli({'-' * 100_000}X)))",
    "digits": f"P(Y={'9' * 5_000})",
    "exponent": "P(Y=1e999)",
    "terms": " + ".join(f"E[Y{i}]" for i in range(10_000)),
    "factors": "E[Y]" + "*2/2" * 20_000,
    "factors of a sum": f"({' + '.join(f'E[Y{i}]' for i in range(2_000))})" + "*-1" * 2_000,
    "ratios": "E[Y]/E[X]" * 5_000,
    "sum in a formula": f"P(Y | do(A ~ Bernoulli({'+'.join(['X'] * 20_000)})))",
    "product in a formula": f"P(Y | do(A ~ Bernoulli({'*'.join(['X'] * 20_000)})))",
    "conditions": f"P(Y | {', '.join(f'X{i}' for i in range(10_000))})",
    "treatments": f"P(Y | do({', '.join(f'X{i}' for i in range(10_000))}))",
    "quotes": "P(" + '"' * 100_001,
    "a long name": f"P({'Y' * 100_000} | do(A))",
    "a long misspelt family": f"P(Y | do(A ~ {'Bernouli' * 10_000}(1)))",
    "overflow": "1e300*1e300*E[Y]",
    "overflow by dividing": "E[Y]/1e-300/1e-300",
    "overflow in a sum": "E[Y] + 1e308 + 1e308",
    "overflow in a formula": "P(Y | do(A ~ Bernoulli(exp(1000))))",
    "large whole numbers": f"P(Y | do(A ~ Bernoulli({'9' * MOST_DIGITS} * {'9' * MOST_DIGITS})))",
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_texts(name: str) -> None:
    start = time.perf_counter()
    ask(HUGE[name])
    assert time.perf_counter() - start < LONGEST_SECONDS


def test_nesting_is_read_up_to_its_limit() -> None:
    inside = MOST_NESTED - 1  # the term has a bracket of its own
    assert str(parse_question("(" * inside + "2*E[Y]" + ")" * inside)) == "2*E[Y]"
    with pytest.raises(GrammarError, match=f"nest more than {MOST_NESTED} deep"):
        parse_question("(" * MOST_NESTED + "E[Y]" + ")" * MOST_NESTED)
    inner = "expit(" * (MOST_NESTED - 5) + "X" + ")" * (MOST_NESTED - 5)
    question = parse_question(f"E[Y | do(A ~ Bernoulli({inner}))]")
    assert parse_question(str(question)) == question
    world = "M[" * (MOST_NESTED - 5) + "A=1" + "]" * (MOST_NESTED - 5)
    question = parse_question(f"P(Y[{world}])")
    assert parse_question(str(question)) == question and hash(question)
