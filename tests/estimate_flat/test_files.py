"""A flat problem from a file to an answer, the same from every home of the table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import umbel
from tests.estimate_flat.test_adjustment import BACK, EFFECT, confounded

PROBLEM = """
graph = "Z -> { A Y }; W -> { A Y }; A -> Y"
question = "E[Y | do(A=1)] - E[Y | do(A=0)]"
[[study]]
table = "rows.{kind}"
"""


def table() -> pd.DataFrame:
    frame = pd.DataFrame(confounded(800, 1))
    frame["W"] = np.where(np.arange(800) % 3 == 0, "north", "south")
    frame.loc[5, "Z"] = np.nan
    return frame


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_solve_from_a_file(kind: str, tmp_path: Path) -> None:
    frame = table()
    if kind == "csv":
        frame.to_csv(tmp_path / "rows.csv", index=False)
    else:
        frame.to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "problem.toml").write_text(PROBLEM.replace("{kind}", kind), encoding="utf-8")
    call = "import umbel.cli, sys; sys.argv = ['umbel', *sys.argv[1:]]; umbel.cli.run()"
    command = [sys.executable, "-c", call, "solve", str(tmp_path / "problem.toml"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["estimate"]["method"] == "aipw"
    assert abs(answer["estimate"]["value"] - 1.0) < 4 * answer["estimate"]["se"]
    assert answer["data"][0]["rows"] == 799
    dropped = next(check for check in answer["checks"] if check["name"] == "complete rows")
    assert not dropped["passed"]


def test_every_home_gives_the_same_answer() -> None:
    frame = table()
    homes = [frame, pl.from_pandas(frame), pa.Table.from_pandas(frame), frame.to_dict("list")]
    found = [umbel.solve(BACK, EFFECT, umbel.Study(home)).estimate for home in homes]
    assert all(one == found[0] for one in found)
