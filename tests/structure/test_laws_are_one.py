"""A law has one meaning however it was reached: otherwise a sum binds one and leaves the other free."""

import pytest

from umbel.expr.build import free
from umbel.expr.nodes import Law
from umbel.graph.mixed import Graph
from umbel.identification.ask import identify_question
from umbel.model.query import Question


@pytest.mark.parametrize("members", ["A Y X", "X A Y", "Y A X", "Y X A", "A X Y", "X Y A"])
def test_no_law_is_left_unbound_whatever_the_order_of_names(members: str) -> None:
    # Declared before its treatment, X once stood in another order in the mechanism of Y than in its piece.
    graph = Graph.parse(f"plate pupil {{ {members} }}; latent U; U -> {{ X Y }}; X -> A -> Y; X -> Y")
    verdict = identify_question(graph, Question.parse("E[Y | do(A=1)]"))
    assert verdict.identified
    assert not [symbol for symbol in free(verdict.estimand.body) if isinstance(symbol.meaning, Law)]
    assert verdict.verify()
