"""The same bits whatever order sets and dictionaries of strings have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import numpy as np, umbel
from tests.oracles.segregated.draw import question_text, random_tables
from tests.oracles.segregated.figures import FIGURE_2, TABLE_2
from umbel.graph.mixed import Graph
from umbel.simulate.discrete import random_model
verdict = umbel.identify(FIGURE_2, question_text(("Y2", "Y3"), TABLE_2))
model = random_model(Graph.parse(FIGURE_2), rng=np.random.default_rng(0))
value = verdict.estimand.evaluate(model.table(), laws=random_tables(model, TABLE_2, np.random.default_rng(1)))
pair = umbel.identify(FIGURE_2, "P(Y1 | do(A1 ~ q))").verify(rng=np.random.default_rng(2))
people = {"id": [f"p{k}" for k in range(40)], "A": [k % 2 for k in range(40)], "Y": [k % 3 % 2 for k in range(40)]}
friends = {"a": people["id"][:-1], "b": people["id"][1:]}
study = umbel.Study(people, unit="id", edges=friends)
policy = "E[Y | do(A ~ Bernoulli(0.3))] - E[Y]"
gain = umbel.solve("network person { A -> Y; A.near -> Y; Y -- Y.near }", policy, study)
assert gain.estimate is not None
print(verdict.estimand.text(), *map(str, verdict.steps), value.array.tobytes().hex(), pair, gain.estimate, gain.table)
"""


def test_the_hash_seed_changes_nothing() -> None:
    root = Path(__file__).parents[3]
    seen = set()
    for seed in ("0", "1"):
        own = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
        command = [sys.executable, "-c", PROGRAM]
        done = subprocess.run(command, env=own, cwd=root, capture_output=True, text=True, check=True)
        seen.add(done.stdout)
    assert len(seen) == 1
