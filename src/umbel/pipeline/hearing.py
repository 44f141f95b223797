"""Which studies speak of what bounds ask: one that does not leaves them as they are.

A study that misses variables is left to EM, whose bounds are inner. Where it says nothing of the
question's components, the bounds are those of the others, certified.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from umbel.graph.mixed import Graph
from umbel.graph.walks import descendants
from umbel.results.verdict import Bounded

if TYPE_CHECKING:
    from umbel.data.study import Study


def heard(graph: Graph, verdict: Bounded, studies: Sequence[Study]) -> tuple[bool, ...]:
    """Whether each study shows a variable of the question's components, or a descendant of one; all where none does.

    The other variables are closed under causes, and whole components: their law in the study is a
    product without the laws that bounds vary (Tian, "Studies in causal reasoning and learning",
    2002, lemma 10). Cost O(graph).

    Parameters
    ----------
    graph
        What no study measures is latent in it.
    verdict
        Its programmes hold the components that the question reads.
    studies
        Their columns, what they set, and what rows were kept by count.
    """
    nodes = {
        programme.names[mechanism.node]
        for _, programme in verdict.programmes
        for component in programme.components
        for mechanism in component.mechanisms
    }
    told = set(graph.names_of(descendants(graph, graph.mask(sorted(nodes & set(graph.names))))))
    found = tuple(
        bool(study.selected) or any(study.holds(name) and name not in study.do for name in sorted(told))
        for study in studies
    )
    return found if any(found) else (True,) * len(found)
