"""x"""

from __future__ import annotations

from umbel.graph.mixed import Graph


def is_dagitty(text: str) -> bool:
    return False


def parse_dagitty(text: str) -> Graph:
    raise NotImplementedError
