"""What one term of a question may name: the graph's variables and their states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, final

from umbel.errors import QuestionError, cut, did_you_mean, shown
from umbel.graph.mixed import Graph
from umbel.lexer import brief
from umbel.model.render_policy import value_text
from umbel.variable import Domain, State

NEAR = ".near"
"""Ending of a name that speaks of the neighbours' copies of a variable, inside a network."""


@final
@dataclass(frozen=True, slots=True)
class Scope:
    """Looks names and values up for one term; what is not there is a :class:`QuestionError`.

    Parameters
    ----------
    graph
        The graph that the question is asked of.
    parameters
        What ``max[k1, k2]`` names: no variables, allowed in formulas.
    where
        The term's text, with which every message begins.
    """

    graph: Graph
    parameters: tuple[str, ...]
    where: str

    def fail(self, message: str) -> NoReturn:
        """Refuse the term."""
        raise QuestionError(f"In {self.where}: {message}")

    def node(self, name: str, *, otherwise: str = "") -> int:
        """Index of a variable; of ``X`` for ``X.near``, which exists only inside a network.

        ``otherwise`` says what an unknown name may have been meant to be.
        """
        graph = self.graph
        if name in graph.names:
            return graph.index(name)
        base = name.removesuffix(NEAR)
        if base != name and base in graph.names:
            node = graph.index(base)
            if any(graph.plates[plate].network for plate in graph.plate_path(node)):
                return node
            self.fail(f"{shown(name)} would be {shown(base)} of the neighbours, but {shown(base)} is in no network.")
        if any(name == plate.name for plate in graph.plates):
            self.fail(f"{shown(name)} is a plate. {did_you_mean(name, graph.names)}")
        self.fail(f"{shown(name)} is no variable of the graph. {did_you_mean(name, graph.names)}{otherwise}")

    def observed(self, name: str, *, otherwise: str = "") -> int:
        """Index of a variable that is not latent."""
        node = self.node(name, otherwise=otherwise)
        if self.graph.latent >> node & 1:
            remedy = "Measure it and drop 'latent', or ask about what is observed"
            if self._has_classes(node):
                remedy += f"; for effects in its classes ask MTE(A, Y | {brief(name)})"
            self.fail(f"{shown(name)} is latent, so no data can answer this. {remedy}.")
        return node

    def classes(self, name: str) -> int:
        """Index of a latent variable whose classes the graph declares."""
        node = self.node(name)
        if not self._has_classes(node):
            known = brief(name)
            declare = f"write 'classes {known} = 2' in the graph, or 'classes {known}' to have their number tested"
            if self.graph.latent >> node & 1:
                self.fail(f"{shown(name)} is latent without classes. To declare them, {declare}.")
            ask = f"Ask E[… | do(…), {known}]"
            self.fail(f"{shown(name)} is observed, so its groups need no MTE. {ask}; or, to hide it, {declare}.")
        return node

    def _has_classes(self, node: int) -> bool:
        return any(latent == node for latent, _ in self.graph.facts.classes)

    def domain(self, node: int) -> Domain | None:
        """The states that the graph gives a variable, if it does."""
        return next((domain for known, domain in self.graph.facts.domains if known == node), None)

    def state(self, name: str, value: State) -> State:
        """The state that a value means: 0 for false where the states are 0 and 1."""
        domain = self.domain(self.node(name))
        if domain is None:
            return value
        for state in domain.states:
            # A label never equals a number, and true is 1.
            if state == value:
                return state
        closest = [state for state in domain.states if str(state).casefold() == str(value).casefold()]
        hint = f" Did you mean {cut(value_text(closest[0]))}?" if closest else ""
        self.fail(f"{shown(name)} has no state {cut(value_text(value))}. Its states: {states_text(domain)}.{hint}")


def states_text(domain: Domain) -> str:
    """The states of a variable as a message lists them.

    Examples
    --------
    >>> states_text(Domain(("north", "south")))
    '"north", "south"'
    """
    return ", ".join(cut(value_text(state), 24) for state in domain.states[:12]) + ", …" * (len(domain) > 12)
