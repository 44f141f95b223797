"""The page: well formed, complete, self-contained, and free of other people's markup."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.report.test_text import ANSWER
from umbel.cli import run
from umbel.errors import InputError
from umbel.report.page import fragment, page
from umbel.results.answer import Answer
from umbel.results.value import Bounds, Row

VOID = {"meta", "line", "circle", "hr", "br"}


class Reader(HTMLParser):
    """Tags that open and close in order, and the words between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_everything_is_there() -> None:
    found = Reader(page([ANSWER]))
    for words in (ANSWER.question, "4.40", "9.82", "no school tutored everyone", "students of one school", "Rubin"):
        assert words in found.text
    assert "8 units" in found.text and found.seen.count("h1") == 1


def test_nothing_is_fetched_and_no_script_runs() -> None:
    text = page([ANSWER, ANSWER])
    assert not Reader(text).links and "script" not in Reader(text).seen
    assert "url(" not in text and "@import" not in text and "http" not in text


def test_words_from_outside_are_never_markup() -> None:
    evil = '<script>alert("x")</script> & <b>'
    answer = replace(
        ANSWER, title=evil, question=evil, assumptions=(evil,), table=(Row(evil, (("R", evil),), value=1.0),)
    )
    found = Reader(fragment(answer))
    assert not {"script", "b"} & set(found.seen)
    assert found.text.count(evil) >= 4


def test_lines_are_drawn_on_one_scale() -> None:
    rows = (Row("a", value=1.0, lower=0.0, upper=2.0), Row("b", value=-1.0, lower=-2.0, upper=0.0))
    text = page([Answer(question="q", verdict="identified", table=rows)])
    assert 'cx="117.0"' in text and 'cx="43.0"' in text  # as far from the middle, 80, on either side
    assert text.count('aria-hidden="true"') == 3 and 'scope="row"' in text
    point = Bounds(0.5, 0.5, "sharp")
    assert "<svg" not in page([Answer(question="q", verdict="bounded", bounds=point)])


@pytest.mark.parametrize("name", ["1a", "A4a", "eight-schools", "cholesterol", "drug", "shops-without"])
def test_examples_become_pages(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "answer.html"
    assert run(["gallery", name, "--report", str(path)]) == 0
    assert capsys.readouterr().out
    assert "Assumptions" in Reader(path.read_text(encoding="utf-8")).text or name == "A4a"


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: No such file"):
        ANSWER.report(tmp_path / "nowhere" / "answer.html")


def test_notebooks_show_the_page() -> None:
    assert ANSWER._repr_html_() == fragment(ANSWER)
