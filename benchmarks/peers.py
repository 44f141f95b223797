# ruff: noqa: T201 (a benchmark prints)
"""umbel beside y0 and ananke: the same graphs, the same questions; time, verdicts, and whether estimands are right.

Run with ``python -m benchmarks.peers``; ``--out FILE`` writes the table too. Each peer is installed
from the package index into an environment of its own, in a temporary folder that is removed. All are
timed from their own graph and the names of the variables to an expression (umbel's simplified);
umbel also from the question's text to the estimand's, with strategy, derivation and proof. The
query is ``P(y | do(x))`` of one treatment and one outcome, which all three answer. Small graphs
come with the exact law of a random binary model, on which estimands are evaluated and compared with
the truth.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import umbel
from benchmarks.identify import flat_graph, query, seconds
from umbel.expr.nodes import Raw, Symbol
from umbel.graph.mixed import Graph, bits
from umbel.identification.flat import solve_flat
from umbel.model.task import Task, Treatment
from umbel.simulate.discrete import random_model

SIZES = (6, 10, 20, 50, 100)
GRAPHS = 20
SMALL = 600
"""Graphs of four to seven nodes whose estimands are evaluated."""
EXACT = 1e-9
LIMIT = 900
"""Seconds that a peer may take for everything."""

NAMED = {
    "back-door": "Z -> X -> Y; Z -> Y",
    "front-door": "X -> Z -> Y; X <-> Y",
    "bow": "X -> Y; X <-> Y",
    "M": "X -> Y; X <-> Z; Z <-> Y",
    "instrument": "Z -> X -> Y; X <-> Y",
    "napkin": "W -> Z -> X -> Y; W <-> X; W <-> Y",
    "Tian": "Z2 -> Z1 -> Y; Z2 -> X -> Z1; Z2 -> Z3 -> Y; Z2 <-> X; Z2 <-> Y; X <-> Z3; X <-> Y",
    "two mediators": "X -> Y; X -> Z1 -> Y; Z1 -> Z2 -> Y; X <-> Z2; Y <-> Z1",
}


@dataclass(frozen=True, slots=True)
class Peer:
    """A package to compare with: its name, what else its environment needs, its program here."""

    name: str
    requires: tuple[str, ...]
    program: str
    note: str = ""


PEERS = (
    Peer("y0", ("y0",), "peers_y0.py"),
    Peer(
        "ananke",
        ("ananke-causal", "scipy<1.15"),
        "peers_ananke.py",
        "with scipy below 1.15: its statsmodels imports a private name that later ones lack",
    ),
)


def problem(graph: Graph, x: int, y: int, *, model: bool = False, seed: int = 0) -> dict[str, Any]:
    """One question as plain values; with the law of a random model and the truth in it where asked for."""
    names = list(graph.names)
    directed = [(names[a], names[b]) for b in range(len(names)) for a in bits(graph.parents[b])]
    arcs = [(names[a], names[b]) for a in range(len(names)) for b in bits(graph.siblings[a]) if a < b]
    found: dict[str, Any] = {"names": names, "directed": directed, "bidirected": arcs, "x": names[x], "y": names[y]}
    if model:
        rng = np.random.default_rng(seed)
        drawn = random_model(graph, rng=rng, sizes=dict.fromkeys(names, 2), within=graph.everything)
        law = drawn.joint(list(range(len(names))))
        truths = [drawn.intervened(x, (), np.eye(2)[state]).joint([y]) for state in range(2)]
        found |= {"joint": law.tolist(), "truth": np.stack(truths, axis=1).tolist()}
    return found


def small_problems() -> list[dict[str, Any]]:
    """Named cases and random graphs of four to seven nodes."""
    found = []
    for text in NAMED.values():
        graph = Graph.parse(text)
        found.append(problem(graph, graph.index("X"), graph.index("Y"), model=True))
    rng = random.Random(1)
    for seed in range(SMALL):
        size = rng.randint(4, 7)
        graph = flat_graph(rng, size)
        found.append(problem(graph, *query(rng, graph), model=True, seed=seed))
    return found


def large_problems(size: int) -> list[dict[str, Any]]:
    """The graphs and queries of ``benchmarks.identify``."""
    rng = random.Random(size)
    found = []
    for _ in range(GRAPHS):
        graph = flat_graph(rng, size)
        found.append(problem(graph, *query(rng, graph)))
    return found


def answers(given: dict[str, Any]) -> dict[str, Any]:
    """umbel's own answer to a problem."""
    graph = Graph.build(nodes=given["names"], directed=given["directed"], bidirected=given["bidirected"])
    question = umbel.Question.parse(f"P({given['y']} | do({given['x']}))")
    x, y = given["x"], given["y"]

    def expression() -> object:
        return solve_flat(Task.of(graph, graph.mask([y]), Treatment(graph.index(x), value=Symbol(Raw(x)))))

    def whole() -> object:
        found = umbel.identify(graph, question)
        return found.estimand.text() if found.identified else found

    verdict = umbel.identify(graph, question)
    found: dict[str, Any] = {
        "identified": verdict.identified,
        "seconds": seconds(expression, 5),
        "whole": seconds(whole, 5),
    }
    if verdict.identified and "joint" in given:
        value = verdict.estimand.evaluate(umbel.Table(given["names"], given["joint"]))
        found["gap"] = float(np.abs(value.array - np.array(given["truth"])).max())
    return found


def ask(peer: Peer, problems: list[dict[str, Any]], folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """A peer's version and answers; a version that says why there are none, where it does not install or run."""
    python = folder / peer.name / ("Scripts" if os.name == "nt" else "bin") / "python"
    venv.create(folder / peer.name, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", *peer.requires]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"did not install: {_last(done.stderr)}", []
    code = f"from importlib.metadata import version; print(version({peer.requires[0]!r}))"
    version = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False).stdout.strip()
    program = Path(__file__).with_name(peer.program)
    given = json.dumps(problems)
    try:
        run = subprocess.run(
            [str(python), str(program)], input=given, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        lines = run.stdout
    except subprocess.TimeoutExpired as late:
        lines = (late.stdout or b"").decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        run = None
    found = [json.loads(line) for line in lines.splitlines()]
    if run is not None and run.returncode:
        return f"{version}, did not run: {_last(run.stderr)}", found
    return version, found + [{"error": "time"}] * (len(problems) - len(found))


def _last(words: str) -> str:
    lines = [line for line in words.splitlines() if line.strip()]
    return lines[-1][:160] if lines else "no reason given"


def counted(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> str:
    """Verdicts that agree with umbel's, estimands that are right, failures."""
    pairs = list(zip(ours, theirs, strict=False))
    same = sum(mine["identified"] == other.get("identified") for mine, other in pairs)
    gaps = [other["gap"] for _, other in pairs if "gap" in other]
    right = f"{sum(gap < EXACT for gap in gaps)} of {len(gaps)}" if gaps else "cannot be evaluated"
    worst = f"{max(gaps):.0e}" if gaps else ""
    failed = sum("error" in other for _, other in pairs)
    return f"{same} of {len(pairs)} | {right} | {worst} | {failed}"


def times(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> str:
    """A peer's median milliseconds, and the median of the ratios to umbel's."""
    both = [
        (mine["seconds"], other["seconds"]) for mine, other in zip(ours, theirs, strict=False) if "seconds" in other
    ]
    if not both:
        return "none | none"
    ratio = statistics.median(other / mine for mine, other in both)
    return f"{1e3 * statistics.median(other for _, other in both):.3g} | {ratio:.3g}"


def table() -> Iterator[str]:
    """Lines of the result."""
    groups: list[tuple[str, list[dict[str, Any]]]] = [("4 to 7", small_problems())]
    groups += [(str(size), large_problems(size)) for size in SIZES]
    problems = [one for _, part in groups for one in part]
    problems = [problems[0], *problems]  # the first of each is a warm-up
    ours = [answers(one) for one in problems]
    results: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        yield f"Measured on {os.cpu_count()} cores, shared, Python {sys.version.split()[0]}. Made by"
        yield "`python -m benchmarks.peers`, which installs each peer into an environment of its own."
        yield ""
        for peer in PEERS:
            version, results[peer.name] = ask(peer, problems, Path(folder))
            yield f"- {peer.name}: {version}{f' ({peer.note})' if peer.note else ''}"
    yield ""
    yield "Effects of one treatment on one outcome. Milliseconds from a graph to an expression, medians; *times* is the"
    yield "median over graphs of the peer's time divided by umbel's. *With proof* is umbel from the question to printed"
    yield "text, with strategy, derivation and what `verify()` works from."
    yield ""
    yield (
        "| nodes | graphs | umbel, ms | with proof, ms | "
        + " | ".join(f"{peer.name}, ms | times" for peer in PEERS)
        + " |"
    )
    yield "|" + "---|" * (4 + 2 * len(PEERS))
    at = 1
    for name, part in groups:
        here = slice(at, at + len(part))
        at += len(part)
        own, proven = (1e3 * statistics.median(one[key] for one in ours[here]) for key in ("seconds", "whole"))
        cells = " | ".join(times(ours[here], results[peer.name][here]) for peer in PEERS)
        yield f"| {name} | {len(part)} | {own:.3g} | {proven:.3g} | {cells} |"
    yield ""
    yield f"Correctness on the {len(groups[0][1])} graphs of 4 to 7 nodes, {len(NAMED)} named and the rest random:"
    yield "an identified estimand is evaluated on the exact law of a random binary model and compared with the truth."
    yield ""
    yield "| | verdicts as umbel's | estimands right | largest error | failures |"
    yield "|---|---|---|---|---|"
    here = slice(1, 1 + len(groups[0][1]))
    yield f"| umbel | {counted(ours[here], ours[here])} |"
    for peer in PEERS:
        yield f"| {peer.name} | {counted(ours[here], results[peer.name][here])} |"


def main() -> None:
    """Print the table line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    out = parser.parse_args().out
    lines = []
    for line in table():
        print(line, flush=True)
        lines.append(line)
    if out is not None:
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
