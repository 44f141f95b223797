"""Causal questions of structured data, compiled: a graph, a question and data in; one Answer out.

The public names load on first use (PEP 562), so that importing umbel, parsing a graph and
identifying a question never wait for numpy::

    graph = umbel.Graph.parse("latent U; U -> { A Y }; A -> Y; A -> M; M -> Y")
    question = umbel.Question.parse("P(Y | do(A))")
    verdict = umbel.identify(graph, question)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from umbel.version import __version__ as __version__

if TYPE_CHECKING:
    from umbel import aggregate as aggregate
    from umbel import bound as bound
    from umbel import mixture as mixture
    from umbel import policy as policy
    from umbel.config.problem import MethodSpec as MethodSpec
    from umbel.data.study import Study as Study
    from umbel.errors import DataError as DataError
    from umbel.errors import GrammarError as GrammarError
    from umbel.errors import GraphError as GraphError
    from umbel.errors import InputError as InputError
    from umbel.errors import MissingExtra as MissingExtra
    from umbel.errors import ProblemError as ProblemError
    from umbel.errors import QuestionError as QuestionError
    from umbel.errors import UmbelError as UmbelError
    from umbel.graph.mixed import Graph as Graph
    from umbel.identification.adjustment import adjustment_sets as adjustment_sets
    from umbel.model.equations import Equations as Equations
    from umbel.model.query import Question as Question
    from umbel.model.source import Experiment as Experiment
    from umbel.numerics.tables import Table as Table
    from umbel.pipeline.problem import Problem as Problem
    from umbel.pipeline.problem import identify as identify
    from umbel.pipeline.problem import solve as solve
    from umbel.results.answer import Answer as Answer
    from umbel.results.check import Check as Check
    from umbel.results.verdict import Bounded as Bounded
    from umbel.results.verdict import Identified as Identified
    from umbel.results.verdict import Refused as Refused
    from umbel.results.verdict import Unidentified as Unidentified

_HOME = {
    "Answer": "umbel.results.answer",
    "Bounded": "umbel.results.verdict",
    "Check": "umbel.results.check",
    "DataError": "umbel.errors",
    "Equations": "umbel.model.equations",
    "Experiment": "umbel.model.source",
    "GrammarError": "umbel.errors",
    "Graph": "umbel.graph.mixed",
    "GraphError": "umbel.errors",
    "Identified": "umbel.results.verdict",
    "InputError": "umbel.errors",
    "MethodSpec": "umbel.config.problem",
    "MissingExtra": "umbel.errors",
    "Problem": "umbel.pipeline.problem",
    "ProblemError": "umbel.errors",
    "Question": "umbel.model.query",
    "QuestionError": "umbel.errors",
    "Refused": "umbel.results.verdict",
    "Study": "umbel.data.study",
    "Table": "umbel.numerics.tables",
    "UmbelError": "umbel.errors",
    "Unidentified": "umbel.results.verdict",
    "adjustment_sets": "umbel.identification.adjustment",
    "identify": "umbel.pipeline.problem",
    "solve": "umbel.pipeline.problem",
}
"""Where each public name lives. The type checker reads the imports above; a test compares the two."""

_MODULES = ("aggregate", "bound", "mixture", "policy")
"""Lower-level tools: modules of plain functions on arrays, ``umbel.bound.pns(...)``."""

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> object:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value  # next time it is an ordinary attribute
        return value
    if name in _MODULES:
        return importlib.import_module(f"umbel.{name}")
    raise AttributeError(f"module 'umbel' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted((*__all__, *_MODULES))
