"""Figure 2 and Table 2 of the policies paper, with the edges that its text forces."""

from __future__ import annotations

FIGURE_2 = """
C1 -> A1; C2 -> A2; C3 -> A3
A1 -> M1; A2 -> M2; A3 -> M3
M1 -> Y1; M2 -> Y2; M3 -> Y3
A1 -> Y1; C2 -> Y2
A1 <-> C1; A1 <-> Y1; A2 <-> Y2; Y2 <-> Y3
C2 -- C3; M1 -- M2; M2 -- M3
"""
"""A1 -> Y1 is forced: without it P(Y1 | do(A1)) is identified, and the text says that it is not."""

TABLE_2 = {"A1": ("C2",), "A2": ("A3", "C2", "C3"), "A3": ("A2", "C3"), "M2": ("A2", "C2", "M3"), "M3": ("A3", "M2")}
"""What each new law reads."""

ORDERS = [
    (first, second, third, fourth)
    for first, second in (("A2", "A3"), ("A3", "A2"))
    for third, fourth in (("M2", "M3"), ("M3", "M2"))
]
"""Every order of a sweep inside its two blocks."""
