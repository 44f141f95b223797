"""Words from outside inside LaTeX formulas: nothing in them can end a group or start a command.

Letters, digits and blanks stand in ``\\text{…}``; marks that LaTeX reads as its own stand between, as
commands of maths mode, because readers of notebooks (MathJax, KaTeX) print a command inside
``\\text`` as it is typed.
"""

from __future__ import annotations

import re
from itertools import groupby

_MARKS = {
    "\\": "{\\backslash}",
    "^": "{\\wedge}",
    "~": "{\\sim}",
    "|": "{\\vert}",
    "<": "{<}",
    ">": "{>}",
    **{letter: "\\" + letter for letter in "#$%&_{}"},
}


def latex_words(words: str) -> str:
    r"""Any words for a maths environment.

    Examples
    --------
    >>> print(latex_words("birth_weight 50%"))
    \text{birth}\_\text{weight 50}\%
    """
    line = " ".join(words.split())
    parts = (
        "".join(_MARKS[letter] for letter in run) if marked else f"\\text{{{''.join(run)}}}"
        for marked, run in groupby(line, key=_MARKS.__contains__)
    )
    return "".join(parts) or "\\text{}"


def latex_name(name: str) -> str:
    r"""A variable's name: a letter by itself, a letter with an index, or words.

    Examples
    --------
    >>> [latex_name(name) for name in ("X", "X12", "Dose")]
    ['X', 'X_{12}', '\\text{Dose}']
    """
    if indexed := re.fullmatch(r"([A-Za-z])(\d+)", name):
        return f"{indexed[1]}_{{{indexed[2]}}}"
    return name if len(name) == 1 and name.isascii() and name.isalpha() else latex_words(name)
