"""Random segregated graphs and policies, and the exact truth of a policy: nothing here identifies.

The truth runs the equations themselves: mechanisms that read each other are settled as a loop.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from umbel.graph.classes import is_segregated
from umbel.graph.mixed import Graph
from umbel.graph.segregated import under_laws
from umbel.numerics.tables import Table
from umbel.simulate.discrete import DiscreteModel, random_law

Reads = dict[str, tuple[str, ...]]


def segregated_graph(rng: np.random.Generator, size: int, *, undirected: bool = True) -> Graph:
    """A random segregated graph: blocks in a random order, arrows along it, hidden causes outside blocks."""
    names = [f"V{i}" for i in range(size)]
    order = [names[i] for i in rng.permutation(size)]
    blocks: list[list[str]] = []
    while order:
        take = 1 if not undirected or rng.uniform() < 0.5 else int(rng.integers(2, 4))
        blocks.append(order[:take])
        order = order[take:]
    beside, arrows, arcs = [], [], []
    for block in blocks:
        for at in range(1, len(block)):
            beside.append((block[int(rng.integers(at))], block[at]))
        if len(block) == 3 and rng.uniform() < 0.4:
            beside += [(a, b) for a, b in ((block[0], block[2]), (block[1], block[2])) if _new((a, b), beside)]
    for later, block in enumerate(blocks):
        for earlier in blocks[:later]:
            arrows += [(a, b) for a in earlier for b in block if rng.uniform() < 0.45]
    single = [block[0] for block in blocks if len(block) == 1]
    for i, a in enumerate(single):
        arcs += [(a, b) for b in single[i + 1 :] if rng.uniform() < 0.5]
    graph = Graph.build(nodes=names, directed=arrows, bidirected=arcs, undirected=beside)
    assert is_segregated(graph)
    return graph


def _new(edge: tuple[str, str], edges: Sequence[tuple[str, str]]) -> bool:
    return edge not in edges and edge[::-1] not in edges


def random_policy(graph: Graph, rng: np.random.Generator) -> Reads | None:
    """Laws for one to three variables, reading up to three others each; None where no order settles them."""
    names = list(graph.names)
    count = int(rng.integers(1, min(4, len(names) - 1)))
    treated = [names[i] for i in rng.choice(len(names), size=count, replace=False)]
    reads: Reads = {}
    for name in treated:
        others = [other for other in names if other != name]
        reads[name] = tuple(sorted(rng.choice(others, size=int(rng.integers(0, 3)), replace=False).tolist()))
    masks = {graph.index(name): graph.mask(own) for name, own in reads.items()}
    return reads if isinstance(under_laws(graph, masks), Graph) else None


def random_outcomes(graph: Graph, reads: Reads, rng: np.random.Generator) -> tuple[str, ...]:
    """One or two untreated variables."""
    left = [name for name in graph.names if name not in reads]
    return tuple(sorted(rng.choice(left, size=min(len(left), int(rng.integers(1, 3))), replace=False).tolist()))


def question_text(outcomes: Sequence[str], reads: Reads) -> str:
    """The question in umbel's words."""
    laws = ", ".join(f"{name} ~ q({', '.join(own)})" if own else f"{name} ~ q" for name, own in reads.items())
    return f"P({', '.join(outcomes)} | do({laws}))"


def random_tables(model: DiscreteModel, reads: Reads, rng: np.random.Generator) -> dict[str, Table]:
    """A positive random law for each policy, first axis the treatment."""
    found: dict[str, Table] = {}
    for name, own in reads.items():
        shape = [model.sizes[model.names.index(other)] for other in (*own, name)]
        found[name] = Table((name, *own), np.moveaxis(random_law(shape, rng, floor=0.05), -1, 0))
    return found


def treated_model(model: DiscreteModel, laws: dict[str, Table]) -> DiscreteModel:
    """The model with its equations replaced."""
    for name, law in laws.items():
        reads = [model.names.index(other) for other in law.axes[1:]]
        model = model.intervened(model.names.index(name), reads, np.moveaxis(law.array, 0, -1))
    return model
