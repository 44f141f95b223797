"""A question about units is never answered from rows of members: large units would weigh more."""

import umbel


def test_a_question_of_units_needs_rows_of_units() -> None:
    members = {"school": ["a"] * 3 + ["b"], "Score": [1, 0, 1, 0]}
    units = {"school": ["a", "b"], "Public": [1, 0], "Funded": [1, 0]}
    graph = "plate pupil { Score }; Public -> Funded -> Score"
    answer = umbel.solve(graph, "E[Funded | do(Public=1)]", umbel.Study(members, units=units, unit="school"))
    assert answer.value is None
    assert answer.refusal is not None and "size" in answer.refusal.why
    alone = umbel.solve("Public -> Funded", "E[Funded | do(Public=1)]", umbel.Study(units))
    assert alone.value == 1.0
