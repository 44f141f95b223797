"""Write the tables of the gallery's schools with friendships inside: pupils, and pairs of friends.

``python -m benchmarks.friends_tables``

Friends sit in rows of three, the middle one with two friends. A hidden trait of the school raises both
the share of tutored pupils and their chance to pass; a pupil's chance also answers to the share of
tutored friends. What tutoring 80 instead of 20 % does is .36 by enumeration, .15 of it without friends.
"""

from __future__ import annotations

import csv

import numpy as np

from umbel.gallery.example import DATA

SCHOOLS, GROUPS, SEED = 80, 30, 10
SHARES = (0.2, 0.5, 0.8)
SHARE_GIVEN = ((0.6, 0.3, 0.1), (0.1, 0.3, 0.6))


def main() -> None:
    """Draw both tables."""
    rng = np.random.default_rng(SEED)
    pupils: list[tuple[str, str, int, int]] = []
    pairs: list[tuple[str, str]] = []
    for school in range(SCHOOLS):
        trait = int(rng.integers(2))
        share = rng.choice(SHARES, p=SHARE_GIVEN[trait])
        tutored = rng.random((GROUPS, 3)) < share
        friends = np.column_stack([tutored[:, 1], tutored[:, [0, 2]].mean(axis=1), tutored[:, 1]])
        chance = 0.1 + 0.2 * trait + 0.2 * tutored + 0.3 * friends**2 + 0.1 * tutored * friends
        passed = rng.random((GROUPS, 3)) < chance
        keys = [[f"s{school + 1}p{3 * group + seat + 1}" for seat in range(3)] for group in range(GROUPS)]
        for group in range(GROUPS):
            pupils += [
                (f"s{school + 1}", keys[group][seat], int(tutored[group, seat]), int(passed[group, seat]))
                for seat in range(3)
            ]
            pairs += [(keys[group][0], keys[group][1]), (keys[group][1], keys[group][2])]
    for name, header, rows in (
        ("friends_pupils.csv", ("school", "pupil", "Tutored", "Passed"), pupils),
        ("friends_pairs.csv", ("one", "other"), pairs),
    ):
        with (DATA / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)


if __name__ == "__main__":
    main()
