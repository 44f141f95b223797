"""``umbel check`` reads edges as ``umbel solve`` does: what they are, and one line for what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from umbel.cli import run

Capture = pytest.CaptureFixture[str]

NETWORK = "network person { A -> Y; A.near -> Y }"
FRIENDS = "latent U; network person { A Y; Peers = mean(A.near) }; U -> { A Y }; { A Peers } -> Y"
GRAPHS = {"id": NETWORK, "school": FRIENDS}
KEYS = {"id": '"id"', "school": '["school", "id"]'}
PERSONS = "school,id,A,Y\n" + "".join(f"s{k % 2},p{k},{k % 3 % 2},{k % 5 % 2}\n" for k in range(12))


def problem(folder: Path, edges: str, *, kind: str = "id", unit: str | None = None) -> str:
    (folder / "persons.csv").write_text(PERSONS, encoding="utf-8")
    (folder / "friends.csv").write_text(edges, encoding="utf-8")
    text = f"""graph = "{GRAPHS[kind]}"
question = "E[Y | do(A=1)] - E[Y | do(A=0)]"
[[study]]
table = "persons.csv"
edges = "friends.csv"
"""
    path = folder / "problem.toml"
    path.write_text(text + (f"unit = {KEYS[kind] if unit is None else unit}\n" if unit != "" else ""), encoding="utf-8")
    return str(path)


def checked(path: str, capsys: Capture) -> dict[str, dict[str, object]]:
    assert run(["check", path, "--json"]) == 0, capsys.readouterr().err
    return {one["name"]: one for one in json.loads(capsys.readouterr().out)["checks"]}


def test_check_tells_persons_edges_and_degrees(tmp_path: Path, capsys: Capture) -> None:
    found = checked(problem(tmp_path, "one,other\np0,p1\np1,p2\np2,p3\n"), capsys)
    assert found["edges"]["passed"]
    assert found["edges"]["advice"] == (
        "friends.csv joins 12 persons by 3 edges (one, other): 0 to 2 for each, 0.50 on average; 8 persons have none"
    )
    assert "size" not in found
    found = checked(problem(tmp_path, "one,weight,other\np0,2,p2\np0,0.5,p4\n", kind="school"), capsys)
    assert found["edges"]["advice"] == (
        "friends.csv joins 12 members of 2 units by 2 edges (one, other): 0 to 2 for each, 0.33 on average; 9 members "
        "have none; weights from 0.5 to 2"
    )
    assert found["size"]["advice"] == "2 units of 6 to 6 members"


def test_rows_that_seem_to_count_from_one_are_a_doubt(tmp_path: Path, capsys: Capture) -> None:
    assert "edges name rows" not in checked(problem(tmp_path, "a,b\n0,1\n2,3\n", unit=""), capsys)
    found = checked(problem(tmp_path, "a,b\n1,2\n3,4\n", unit=""), capsys)
    assert not found["edges name rows"]["passed"]


def test_edges_that_no_graph_reads_and_an_empty_network_are_told(tmp_path: Path, capsys: Capture) -> None:
    path = Path(problem(tmp_path, "one,other\np0,p1\n"))
    path.write_text(path.read_text(encoding="utf-8").replace(NETWORK, "A -> Y"), encoding="utf-8")
    found = checked(str(path), capsys)
    assert not found["edges"]["passed"] and "not read" in str(found["edges"]["advice"])
    found = checked(problem(tmp_path, "one,other\n"), capsys)
    assert not found["edges"]["passed"]


@pytest.mark.parametrize("command", ["check", "solve"])
@pytest.mark.parametrize("kind", ["id", "school"])
@pytest.mark.parametrize(
    ("edges", "why"),
    [
        ("one\np0\n", "need two columns"),
        ("one,other\np0,p99\n", "'p99' in column 'other' is no key of the persons"),
        ("one,other\np0,p2\np4,p4\n", "edge 2 joins 'p4' with itself"),
        ("one,other\np0,p2\np0,p2\n", "are joined 2 times"),
        ("one,other\np0,p2\np2,p0\np4,p6\n", "are joined 2 times"),
        ("one,other,weight\np0,p2,0\n", "edge 1 has the weight 0"),
        ("one,other,weight\np0,p2,\n", "the weight nan"),
        ("one,other,Weight\np0,p2,2\n", "the weights of edges stand in 'weight'"),
        ("index,one,other\n0,p0,p2\n1,p2,p4\n", "looks like numbers of rows"),
    ],
)
def test_wrong_edges_are_one_line_for_both_commands(
    tmp_path: Path, capsys: Capture, edges: str, why: str, kind: str, command: str
) -> None:
    assert run([command, problem(tmp_path, edges, kind=kind)]) == 2
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", ["check", "solve"])
def test_keys_without_their_column_and_friends_of_two_schools_are_one_line(
    tmp_path: Path, capsys: Capture, command: str
) -> None:
    assert run([command, problem(tmp_path, "one,other\np0,p1\n", unit="")]) == 2
    assert "Name the persons' key column" in capsys.readouterr().err
    assert run([command, problem(tmp_path, "one,other\np0,p1\n", kind="school")]) == 2
    assert "joins 'p0' of unit 's0' with 'p1' of unit 's1'" in capsys.readouterr().err
