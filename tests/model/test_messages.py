"""What a person reads who got the question language wrong: the place, the word, and what to do."""

from __future__ import annotations

import pytest

from umbel.errors import GrammarError
from umbel.model.parse import parse_question

# text, column of the offending word, the word, and what the message must say
CASES: tuple[tuple[str, int, str, str], ...] = (
    # The whole question.
    ("", 1, "", "there is no question. Write one such as E[Y | do(A=1)]"),
    ("  # only a comment", 19, "", "there is no question"),
    ("3 + 4", 1, "3", "nothing is left to ask: this is 7 whatever the data"),
    ("E[Y] - E[Y]", 1, "E", "nothing is left to ask: this is 0 whatever the data"),
    ("P(Y) / P(Y)", 1, "P", "nothing is left to ask: this is 1"),
    ("E[Y | do(A=1)] E[Y | do(A=0)]", 16, "E", "expected '+', '-', '*', '/' or the end of the question, found 'E'"),
    ("E[Y]]", 5, "]", "']' closes no bracket. Delete it."),
    ("E[Y] -", 7, "", "expected a term, a number or '(', found the end of the text. A term starts with P(, E[, PNS("),
    ("E[Y] = 3", 6, "=", "expected '+', '-', '*', '/' or the end"),
    # Terms.
    ("E(Y | do(A=1))", 2, "(", "E takes square brackets: E[…"),
    ("P[Y | do(A)]", 2, "[", "P takes round brackets: P(…"),
    (
        "p(Y | do(A))",
        1,
        "p",
        "'p' starts no term. Possible: ATE(, ETT(, E[, MTE(, P(, PN(, PNS(, PS(. Did you mean 'P('?",
    ),
    ("PSN(A, Y)", 1, "PSN", "Did you mean"),
    ("Y | do(A)", 1, "Y", "expected a term, a number or '(', found 'Y'"),
    ("P()", 3, ")", "P() needs an outcome. Write its name: P(Y | do(A))."),
    ("P( | do(A))", 4, "|", "P() needs an outcome"),
    ("E[]", 3, "]", "E[] needs an outcome"),
    ("P(do(A))", 3, "do", "do(…) is no outcome. It stands after '|'"),
    ("P(Y do(A))", 5, "do", "expected ',', '|' or ')' to close '(' of line 1, column 2; found 'do'"),
    ("P(Y | do(A) X)", 13, "X", "expected ',' or ')' to close '(' of line 1, column 2; found 'X'"),
    ("P(Y | do(A), )", 14, ")", "expected a variable, found ')'"),
    ("P(Y | do(A)", 12, "", "expected ',' or ')' to close '(' of line 1, column 2; found the end of the text"),
    ("P(Y, Y | do(A))", 6, "Y", "'Y' stands twice in this term. Name it once."),
    ("P(Y | X=1, X=0)", 12, "X", "'X' stands twice"),
    ("P(Y | Y)", 7, "Y", "'Y' stands twice"),
    ("P(Y[A=1], Y[A=1] = 1)", 11, "Y", "'Y' stands twice"),
    ("E[Y=1 | do(A)]", 3, "Y", "E takes a variable, not an event. For the probability of a value write P(Y=… | …)."),
    ("E[Y2 - Y1 | do(A)]", 6, "-", "Write a sum of terms: E[Y2 | …] - E[Y1 | …]"),
    ("E[Y1, Y2 | do(A)]", 5, ",", "E takes one variable"),
    ("E[Y] * E[X]", 6, "*", "a product of two terms is no question here"),
    ("P(Y)/P(X)/P(Z)", 10, "/", "a ratio inside a ratio is no question here. Write one sum over another."),
    ("E[Y] / 0", 8, "0", "this divides by 0."),
    ("E[Y] / (1 - 1)", 8, "(", "this divides by 0."),
    ("E[Y] - max[k] E[X]", 8, "max", "max[…] stands once, at the start of the question."),
    # Names and values.
    ("P(Birth weight | do(A))", 9, "weight", "expected ',', '|' or ')' to close"),
    ("P(Birth weight | do(A))", 9, "weight", 'A name with a blank is quoted: "Birth weight".'),
    ("E[Y(1) - Y(0)]", 4, "(", "A counterfactual has square brackets, Y[A=1]"),
    ("E[log(Y) | do(A)]", 6, "(", "a function of a variable needs a name of its own"),
    ("P(Y_{A=1})", 5, "{", "Write [."),
    ("P(2)", 3, "2", "expected a variable, found the number '2'. A name that is a number is quoted."),
    ('P("" | do(A))', 3, '""', "expected a variable, found '\"\"'"),
    ("P(Y | Sex=F)", 11, "F", """'F' is no value. A label is quoted: Sex="F"."""),
    ("P(Y | A=True)", 9, "True", "'True' is no value. Write true."),
    ("P(Y | A==1)", 9, "=", "one '=' is enough: A=1."),
    ("P(Y | A=)", 9, ")", "expected a value of 'A': a number, true, false or a label in quotes, found ')'"),
    ("P(Y | A=1e999)", 9, "1e999", "the number '1e999' is too large"),
    ("P(Y > 3)", 5, ">", "an event has one value: Y=1"),
    ('P("a b" > 3)', 9, ">", 'an event has one value: "a b"=1'),
    ("P(Y | A ~ q)", 9, "~", "a law stands inside do(…): do(A ~ …)."),
    # do(…).
    ("do(A=1)", 1, "do", "do(…) is no term. It stands inside one, after '|': E[Y | do(A=1)]."),
    ("P(Y | do A)", 7, "do", "do takes round brackets: do(A=1)."),
    ("P(Y | do[A=1])", 7, "do", "do takes round brackets: do(A=1). A variable of that name is quoted here."),
    ("P(Y | do(Age > 30))", 14, ">", "expected '=', '~', 'by', ',' or ')' after 'Age' in do(…), found '>'."),
    ("P(Y | do(A := 1))", 12, ":", "expected '=', '~', 'by', ',' or ')' after 'A' in do(…)"),
    ("E[R | do(S = 33 natural)]", 17, "natural", "expected 'by', ',' or ')' after 'S' in do(…), found 'natural'."),
    ("P(Y | do())", 10, ")", "do() sets nothing. Name a variable, or leave do() out."),
    ("P(Y | do(A, A=1))", 13, "A", "do(…) sets 'A' twice. Set it once."),
    ("P(Y | do(A), do(A=1))", 17, "A", "do(…) sets 'A' twice"),
    ("P(Y | do(1))", 10, "1", "expected a variable to intervene on, found the number '1'"),
    ("P(Y | do(A ~ Bernouli(0.5)))", 14, "Bernouli", "Did you mean 'Bernoulli'?"),
    ("P(Y | do(A ~ bernoulli(0.5)))", 14, "bernoulli", "Did you mean 'Bernoulli'?"),
    (
        "P(Y | do(A ~ Q))",
        14,
        "Q",
        "expected a law after '~', found 'Q'. Possible: Bernoulli, Categorical, Normal, Point, q.",
    ),
    ("P(Y | do(A ~ Bernoulli))", 23, ")", "Write Bernoulli(probability of 1)."),
    ("P(Y | do(A ~ Bernoulli(0.2, 0.3)))", 14, "Bernoulli", "Bernoulli has 1 parameter (probability of 1), not 2."),
    ("P(Y | do(A ~ Normal(0)))", 14, "Normal", "Normal has 2 parameters (mean, standard deviation), not 1."),
    ("P(Y | do(A ~ Bernoulli(75)))", 24, "75", "a probability lies between 0 and 1, not at 75."),
    ("P(Y | do(A ~ Normal(0, 1 - 1)))", 24, "1", "a standard deviation is above 0, not 0."),
    ("P(Y | do(A ~ Categorical(0.5, 0.6)))", 14, "Categorical", "sum to 1.1, not to 1."),
    ("P(Y | do(A ~ Bernoulli(1/0)))", 24, "1", "no finite value: it divides by 0"),
    ("P(Y | do(A ~ Bernoulli(expt(X))))", 24, "expt", "Did you mean 'exp"),
    ("P(Y | do(A ~ Bernoulli(expit(X, 1))))", 24, "expit", "expit takes 1 argument, not 2."),
    ("P(Y | do(A ~ Bernoulli(max(X))))", 24, "max", "max takes 2 arguments or more, not 1."),
    ("P(Y | do(A ~ Bernoulli(0.6X)))", 24, "0.6X", "a product is written 2*X"),
    ("P(Y | do(A ~ Bernoulli(0 < X < 1)))", 30, "<", "one comparison at a time"),
    ('P(Y | do(A ~ Bernoulli(Sex = "F" + 1)))', 30, '"F"', "stands alone on its side of a comparison"),
    ("P(Y | do(A ~ q(X, X)))", 15, "(", "'X' stands twice in this list"),
    ("P(Y | do(A ~ q()))", 16, ")", "expected a covariate of q, found ')'"),
    ("E[R | do(S = 33 by naturl)]", 20, "naturl", "Did you mean 'natural'?"),
    ("E[R | do(S = 33 by shift)]", 25, ")", "expected '(' after 'shift', with the micro-variables that it moves"),
    ("E[R | do(S = 33 by point(X1))]", 28, ")", "expected ':' and the value of 'X1', a number or a formula"),
    ("E[R | do(S = 33 by shift(X1: a))]", 30, "a", "expected a weight, found 'a'"),
    # Subscripts.
    ("P(Y[])", 5, "]", "an empty subscript sets nothing"),
    ("P(Y[A=1, A=0])", 10, "A", "this subscript sets 'A' twice"),
    ("P(Y[A=1] | do(B))", 3, "Y", "Use subscripts alone."),
    ("P(Y[A=1, M[A=0]=1])", 18, "]", "inside a subscript, M[…] is a value by itself: drop what follows it."),
    # Named quantities, classes, best policies.
    ("PNS(A)", 6, ")", "expected ',' and an outcome, as in PNS(A, Y), found ')'"),
    ("PN(A, Y | do(B))", 3, "(", "PN sets its treatment by itself"),
    ("MTE(T, Y)", 9, ")", "expected '|' and the latent classes, as in MTE(A, Y | U), found ')'"),
    (
        "max[k] E[Y | do(A=1)]",
        5,
        "k",
        "no law reads the parameter 'k'. Use it, as in do(A ~ Bernoulli(k*C)), or drop it.",
    ),
    ("max[k, k] E[Y | do(A ~ Bernoulli(k*C))]", 8, "k", "the parameter 'k' stands twice"),
    # What papers and word processors write.
    ("E[Y | do(A=1)] − E[Y | do(A=0)]", 16, "−", "Write -."),
    ("P(Y ∣ do(A))", 5, "∣", "Write |."),
    ("P(Y | Sex=“F”)", 11, "“", 'Write ".'),
    ("P(Y | Sex='F')", 11, "'", 'Write ".'),
    ("P(Y | do(A));", 13, ";", "the character ';' means nothing here"),
)


@pytest.mark.parametrize(("text", "column", "word", "part"), CASES, ids=[case[0] for case in CASES])
def test_message(text: str, column: int, word: str, part: str) -> None:
    with pytest.raises(GrammarError) as caught:
        parse_question(text)
    error = caught.value
    message = str(error)
    assert part in message, message
    assert (error.line, error.column, error.word) == (1, column, word), message
    assert message.startswith(f"question, line 1, column {column}: ") and "\n" not in message


def test_the_line_is_counted() -> None:
    with pytest.raises(GrammarError, match="question, line 3, column 8: 'F' is no value"):
        parse_question("P(\n  Y |\n   Sex=F)")
