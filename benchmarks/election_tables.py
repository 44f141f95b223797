"""Write the tables of the gallery's elections: races drawn from models of Figures 1(b) and 1(c).

``python -m benchmarks.election_tables``
"""

from __future__ import annotations

import csv

import numpy as np

from umbel.gallery.example import DATA
from umbel.gallery.interference import FIGURE_1B, FIGURE_1C
from umbel.graph.mixed import Graph
from umbel.simulate.discrete import random_model

RACES = 6000
SEED = 2


def main() -> None:
    """Draw both tables."""
    for name, text in (("election_b.csv", FIGURE_1B), ("election_c.csv", FIGURE_1C)):
        rng = np.random.default_rng(SEED)
        joint = random_model(Graph.parse(text), rng=rng).table()
        counts = rng.multinomial(RACES, joint.array.ravel()).reshape(joint.array.shape)
        with (DATA / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*joint.axes, "races"])
            writer.writerows([*at, int(counts[at])] for at in np.ndindex(*counts.shape) if counts[at])


if __name__ == "__main__":
    main()
