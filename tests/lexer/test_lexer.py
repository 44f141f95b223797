"""The lexer: one pass, every character has a meaning or a one-line error with its place."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umbel.errors import GrammarError
from umbel.lexer import Reader, Token, quoted, quoted_if_needed, tokens

MARKS = ("->", "<-", "<->", "--", "{", "}", "(", ")", ",", ";", ":", "=", "<", "~")


def read(text: str) -> list[Token]:
    return tokens(text, what="graph", marks=MARKS)


def kinds(text: str) -> list[str]:
    return [token.kind for token in read(text)]


def test_longest_mark_is_read_first() -> None:
    assert [token.text for token in read("A<->B<-C--D->E<F")][1:-1:2] == ["<->", "<-", "--", "->", "<"]


def test_words_hold_inner_dots_and_letters_of_any_script() -> None:
    assert [token.value for token in read("A.near Birth.weight größe χ_1 _x X²")][:-1] == [
        "A.near",
        "Birth.weight",
        "größe",
        "χ_1",
        "_x",
        "X²",
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12), ("007", 7), ("0.75", 0.75), (".5", 0.5), ("1.", 1.0), ("2e-3", 0.002), ("1E+5", 1e5)],
)
def test_numbers_keep_their_type(text: str, value: float) -> None:
    (number, end) = read(text)
    assert (number.kind, number.value, type(number.value), end.kind) == ("number", value, type(value), "end")


def test_places_count_lines_of_every_system_from_one() -> None:
    places = [(token.line, token.column, token.offset) for token in read("a\nb\r\n  c\rd # ->\n\te")]
    first, second, third = [(1, 1, 0), (1, 2, 1)], [(2, 1, 2), (2, 2, 3)], [(3, 3, 7), (3, 4, 8)]
    assert places == [*first, *second, *third, (4, 1, 9), (4, 7, 15), (5, 2, 17), (5, 3, 18)]


def test_newlines_can_be_blanks() -> None:
    found = tokens("P\n(Y)", what="question", marks="()", newlines=False)
    assert [(token.text, token.line) for token in found] == [("P", 1), ("(", 2), ("Y", 2), (")", 2), ("", 2)]


def test_a_comment_of_another_language_may_span_lines() -> None:
    found = tokens("a /* x\ny */ b", what="graph", marks=[], comment=r"/\*(?s:.*?)\*/")
    assert [(token.text, token.line, token.column) for token in found] == [("a", 1, 1), ("b", 2, 6), ("", 2, 7)]


def test_a_byte_order_mark_is_a_blank_only_at_the_start() -> None:
    assert kinds("\ufeffA") == ["word", "end"]
    with pytest.raises(GrammarError):
        read("A\ufeffB")


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [
        ("A 1e999", 3, "too large"),
        ("9" * 5000, 1, "5000 digits; at most 300"),
        ("2X", 1, "A name that starts with a digit is quoted"),
        ("0.75.1", 1, "neither a number nor a name"),
        ("0x10", 1, "neither a number nor a name"),
        ("1_000", 1, "neither a number nor a name"),
        ("A\x00", 2, "U+0000"),
        ("# a comment \u202e hides", 13, "U+202E"),
        ('"\ud800"', 2, "U+D800"),
        ("A $ B", 3, "A name that holds it is quoted"),
        ("A → B", 3, "Write ->."),
        ("“A”", 1, 'Write ".'),
        ('A "Birth', 3, "not closed"),
        ('"', 1, "not closed"),
        ('"a\nb"', 1, "not closed"),
        (r'"\d"', 1, r"Possible: \", \\, \n, \t, \r"),
        ("A. B", 2, "means nothing"),
    ],
)
def test_wrong_characters_meet_one_error_with_place_and_remedy(text: str, column: int, part: str) -> None:
    with pytest.raises(GrammarError) as caught:
        read(text)
    message = str(caught.value)
    assert part in message
    assert message.startswith(f"graph, line 1, column {column}: ")
    assert len(message.splitlines()) == 1 and len(message) < 300
    assert (caught.value.line, caught.value.column) == (1, column)


def test_the_line_of_an_unseen_character_is_counted() -> None:
    with pytest.raises(GrammarError, match="line 3, column 2"):
        read("a\r\nb\nc\x07")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf"]), min_size=1))
def test_every_visible_name_survives_quoting(name: str) -> None:
    for text in (quoted(name), quoted_if_needed(name)):
        (token, _) = read(text)
        assert token.kind in ("word", "quoted") and token.value == name


def test_reserved_names_are_quoted() -> None:
    assert quoted_if_needed("do", {"do"}) == '"do"'
    assert quoted_if_needed("a\nb") == r'"a\nb"'


@given(st.text())
def test_any_text_is_read_or_refused_and_nothing_is_lost(text: str) -> None:
    try:
        found = read(text)
    except GrammarError:
        return
    assert found[-1].kind == "end" and found[-1].offset == len(text)
    for token in found[:-1]:
        if token.kind != "newline":
            assert text[token.offset : token.end] == token.text


@pytest.mark.parametrize("part", ["((", '"a" ', '\\"', "a.", "1e", '"\\', "x ", "\n\n"])
def test_hostile_texts_end_quickly(part: str) -> None:
    start = time.perf_counter()
    with contextlib.suppress(GrammarError):
        read(part * 50_000)
    assert time.perf_counter() - start < 60  # a quadratic lexer would need many minutes


def reader(text: str) -> Reader:
    return Reader(text, what="question", marks=MARKS)


def test_reader_takes_marks_and_words_but_no_quoted_name_for_a_keyword() -> None:
    words = reader('do "do" (')
    assert words.at("do", '"do"')
    assert words.accept("plate", "do") is not None
    assert words.accept("do") is None
    assert words.name("a variable").value == "do"
    assert words.next().text == "(" and words.next().kind == "end" and words.next().kind == "end"
    assert words.accept("") is None and words.peek(9).kind == "end"


def test_reader_says_what_it_expected_and_what_it_found() -> None:
    with pytest.raises(GrammarError, match=r"question, line 1, column 2: expected '\)' to close '\(', found the end"):
        words = reader("(")
        words.next()
        words.expect(")", "to close '('")
    with pytest.raises(GrammarError, match=r"expected a variable, found '\('"):
        reader("(").name("a variable")
    with pytest.raises(GrammarError, match="expected a variable, found '\"\"'"):
        reader('""').name("a variable")
    with pytest.raises(GrammarError, match="found the end of the line"):
        reader("\n").expect("->")
