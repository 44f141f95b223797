"""Any text is a graph or one documented error, on one line, soon."""

from __future__ import annotations

import random
import time

import pytest

from tests.graph.test_dagitty import WEBSITE
from tests.graph.test_parse import MISTAKES
from umbel.errors import GrammarError, GraphError
from umbel.graph.mixed import Graph
from umbel.graph.parse import parse_graph

TEXTS = (
    *(text for text, *_ in MISTAKES),
    WEBSITE,
    "plate student { A Y }; latent U; U -> { A Y }; A -> Y; A <-> Y",
    "plate school { Z; plate student { A Y } }\nZ -> A -> Y # spillover\nstates A = { placebo < low < high }",
    'network person { C -> A -> Y; C.near -> A; Y -- Y.near; Peers = mean(A.near) }; "Birth weight" -> A',
    "S = weighted(X1: 2, X2: -0.5); classes U = 2; U -> S2; assume monotone U -> S2; assume shared { X1 X2 }",
    "digraph G { subgraph cluster_0 { plate=s; A; Y } A -> Y [dir=both] /* c */ U [latent] }",
)
WORDS = (
    *("plate", "network", "latent", "classes", "states", "assume", "shared", "monotone", "sum", "mean", "weighted"),
    *("->", "<-", "<->", "--", "-", "<", "{", "}", "(", ")", ",", ";", ":", "=", ".near", "[", "]", "@", ">", "+"),
    *("A", "Y", "U", "s", "A.near", "dag", "digraph", "pag", "subgraph", "strict", "latent=1", "x" * 300),
    *('"a b"', '"a\\nb"', '"', '\\"', "\\", "//", "/*", "*/", "#"),
    *("0", "2", "-1", ".5", "1e999", "9" * 5000, "0x1", "1_0", "٣", "true"),
    *("\n", "\r\n", "\t", "\x00", "\u202e", "\ud800", "\ufeff", "é", "→", "“", "💐", "{" * 300, "plate s {" * 60),
)
LONGEST_SECONDS = 60  # seconds a quadratic reader would need, many times over what ours takes


def read(text: str) -> Graph | None:
    """Parse a text; a graph must read back from its own text, an error must be one short line."""
    try:
        graph = parse_graph(text)
    except (GrammarError, GraphError) as error:
        message = str(error)
        assert len(message.splitlines()) == 1 and len(message) < 700, message
        assert message.startswith("graph, line ")
        return None
    assert parse_graph(graph.text()) == graph, (text, graph.text())
    return graph


def mutated(rng: random.Random, text: str) -> str:
    """A text with a few pieces deleted, doubled, moved, or replaced."""
    for _ in range(rng.randint(1, 4)):
        i, j = sorted(rng.choices(range(len(text) + 1), k=2))
        j = min(j, i + rng.choice((1, 2, 8)))
        piece = rng.choice(("", text[i:j] * 2, rng.choice(WORDS), chr(rng.randrange(1, 0x500))))
        text = text[:i] + piece + text[j:]
    return text


def test_random_and_mutated_texts_meet_only_documented_errors(draws: int) -> None:
    rng = random.Random(1)
    graphs = 0
    for k in range(draws):
        if k % 2:
            text = mutated(rng, rng.choice(TEXTS))
        else:
            text = rng.choice((" ", "", " ")).join(rng.choices(WORDS, k=rng.randint(1, 12)))
        graphs += read(text) is not None
    assert draws // 50 < graphs < draws * 3 // 4  # both ends of the street are walked


@pytest.mark.parametrize(
    "text",
    [
        "{" * 20_000,
        "{" * 20_000 + "A" + "}" * 20_000,
        "plate s {" * 20_000,
        "".join(f"plate s{k} {{" for k in range(20_000)),
        "}" * 20_000,
        "dag {" + "{" * 20_000,
        "dag {" + "subgraph {" * 20_000,
        "dag { a " + "[" * 20_000,
        "A " * 50_000,
        "A -> " * 20_000,
        "S = sum(" * 20_000,
        "S = sum(" + ", ".join(f"X{k}" for k in range(20_000)) + ")",
        "X; states X = {" + " < ".join(f"s{k}" for k in range(5_000)) + "}",
        "X; states X = " + "9" * 5_000,
        "X; states X = 1e999",
        "S = weighted(X: 1e999)",
        '"' * 99_999,
        '"' + "a" * 100_000,
        "dag { " + '"a\\' * 30_000,
        "/*" * 50_000 + " dag {",
        "dag /*" + "*" * 100_000,
        "# " * 50_000,
        "\n" * 100_000,
        ";" * 100_000,
        "strict " * 10_000 + "dag {",
        "{" + "A" + "{ A }" * 20_000 + "} -> B",
        " -> ".join(f"V{k}" for k in range(3_000)) + " -> V0",
        "\x00",
        "A \ud800",
        "A -> \u202eB",
        "".join(map(chr, range(0x2000, 0x2100))),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_texts_end_soon(text: str) -> None:
    start = time.perf_counter()
    read(text)
    assert time.perf_counter() - start < LONGEST_SECONDS
