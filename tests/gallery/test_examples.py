"""The gallery as data: every name once, every figure that the paper has, every table in its place."""

from __future__ import annotations

import csv

import pytest

from umbel.config.problem import missing_file
from umbel.errors import InputError
from umbel.gallery.catalogue import EXAMPLES, find
from umbel.gallery.example import DATA, Example

# The lalonde tables, every graph of the hierarchical paper but figure 10, the mixtures, the counterfactuals.
FIGURES = [
    *("NSW", "CPS, trainees", "CPS, everyone"),
    *("1a", "1b", "1c", "3", "4a", "5a", "5c"),
    *("A3a", "A3c", "A3e", "A3g", "A3j", "A3m", "A3p", "A4a", "A4c", "A4f", "A4h"),
    *("11a", "11b", "11c", "L.1", "L.2", "A13", "A14", "M.3"),
    *("MAIN", "design A", "design B", "design C", "design D3", "A4a with classes", "RAND, average", "RAND, classes"),
    *("Table 1", "Table 1, pooled", "Table 1, women", "Table 1, men", "Table 1, observational"),
    *("Table 1, interventional", "no assumptions", "lipid", "Table 2"),
    *("1b of policies", "1c of policies", "2a of policies", "2a of policies, first unit", "social_insure"),
    "1a with friends",
    *("shop A", "shop B", "third shop", "Example 1", "section 3.2.1"),
    *("appendix G.1", "appendix G.2", "appendix G.3", "challenge 1", "appendix A", "section 5"),
]
UNIDENTIFIED = {"A4a", "A4c", "A4f", "A4h", "M.3", "2a of policies, first unit", "appendix G.2"}


def test_every_figure_is_there_once() -> None:
    assert [example.figure for example in EXAMPLES] == FIGURES
    assert len({example.name.casefold() for example in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_is_complete(example: Example) -> None:
    assert example.title
    assert example.paper
    assert (example.verdict == "unidentified") == (example.figure in UNIDENTIFIED)
    assert bool(example.formula) == (example.verdict == "identified") or example.verdict == "bounded"
    assert missing_file(example.problem()) is None
    assert find(example.name) is example
    assert find(example.figure.upper()) is example


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(InputError, match="Did you mean 'eight-schools'"):
        find("eigth-schools")


def test_eight_schools_as_published() -> None:
    with (DATA / "eight_schools.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["effect"]) for row in rows] == [28, 8, -3, 7, -1, 1, 18, 12]
    assert [float(row["se"]) for row in rows] == [15, 10, 16, 11, 9, 11, 10, 18]
    assert all(int(row["treated"]) + int(row["controls"]) == int(row["students"]) for row in rows)
