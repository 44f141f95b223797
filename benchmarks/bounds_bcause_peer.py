"""bcause's EM on Table 1 of Zaffalon et al. (2023), O, without gender: seconds and the interval, as JSON.

Imports bcause alone, so that an interpreter with its old pins can run it:

    python bounds_bcause_peer.py RESTARTS STEPS
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from typing import Any

COUNTS = {(0, 0): 360, (0, 1): 840, (1, 0): 2044, (1, 1): 756}
"""Records by treatment and survival."""


def model() -> Any:
    """Treatment and survival with one exogenous variable of eight states."""
    import networkx as nx
    from bcause.factors import DeterministicFactor, MultinomialFactor
    from bcause.models.cmodel import StructuralCausalModel

    functions = list(itertools.product((0, 1), repeat=3))  # treatment, survival without it, survival with it
    states = list(range(len(functions)))
    graph = nx.DiGraph([("U", "T"), ("U", "S"), ("T", "S")])
    treatment = DeterministicFactor({"U": states, "T": [0, 1]}, [one[0] for one in functions], left_vars=["T"])
    answers = [[one[1 + value] for one in functions] for value in (0, 1)]
    survival = DeterministicFactor({"T": [0, 1], "U": states, "S": [0, 1]}, answers, left_vars=["S"])
    law = MultinomialFactor({"U": states}, [1 / len(states)] * len(states))
    return StructuralCausalModel(graph, {"U": law, "T": treatment, "S": survival})


def main() -> None:
    """Learn, and print."""
    import pandas as pd
    from bcause.learning.aggregator.aggregator import SimpleModelAggregatorEM

    restarts, steps = int(sys.argv[1]), int(sys.argv[2])
    rows = [{"T": t, "S": s} for (t, s), count in COUNTS.items() for _ in range(count)]
    learner = SimpleModelAggregatorEM(model(), pd.DataFrame(rows), max_iter=steps)
    begun = time.perf_counter()
    learner.run(restarts)
    seconds = time.perf_counter() - begun
    # Survival with the treatment alone is the function (·, 0, 1): its probability is PNS.
    pns = [float(sum(one.factors["U"].values[at] for at in (1, 5))) for one in learner.models]
    print(json.dumps({"seconds": seconds, "lower": min(pns), "upper": max(pns)}))  # noqa: T201 (its output)


if __name__ == "__main__":
    main()
