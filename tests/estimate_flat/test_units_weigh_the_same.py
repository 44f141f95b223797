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


def test_no_effect_is_zero_whatever_the_levels_of_the_study() -> None:
    members = {"school": ["a", "a", "a", "b"], "class": ["k", "k", "l", "m"], "Score": [1, 0, 1, 0]}
    members |= {"Tutored": [0, 1, 1, 0]}
    classes = {"class": ["k", "l", "m"], "school": ["a", "a", "b"]}
    schools = {"school": ["a", "b"], "Public": [1, 0]}
    two = umbel.Study(members, units=classes, unit="class")
    plates = {"school": schools, "class": classes}
    three = umbel.Study(members, units=plates, unit=["school", "class"])
    question = "E[Tutored | do(Score=1)] - E[Tutored | do(Score=0)]"
    for graph, study in (
        ("plate pupil { Score Tutored }; Tutored -> Score", two),
        ("plate class { plate pupil { Score Tutored } }; Public -> { Score Tutored }; Tutored -> Score", three),
    ):
        answer = umbel.solve(graph, question, study)
        assert answer.value == 0.0
        assert answer.interval == (0.0, 0.0)
