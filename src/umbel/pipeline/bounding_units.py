"""From a "no" about members whose unit stands between to bounds in the Answer."""

from __future__ import annotations

import time
from dataclasses import replace

from umbel.identification.interfered import interfered
from umbel.pipeline.bounding import Asked
from umbel.results.answer import Answer
from umbel.results.step import Step


def bounds_through_units(answer: Answer, asked: Asked) -> Answer | None:
    """The Answer with the effect whose interferer is kept, and with bounds of the full one where they say anything.

    None where the question is of another form, or the study has not the tables for it.
    """
    found = interfered(asked.graph, asked.question)
    if found is None or len(asked.studies) != 1:
        return None
    (study,) = asked.studies
    names = (found.treatment, found.outcome, found.interferer)
    if study.data is None or len(study.unit) != 1 or study.do or not all(study.holds(name) for name in names):
        return None
    from umbel.estimate.bounds_units import REFERENCE, unit_bounds

    start = time.perf_counter()
    whole, level = asked.method.members == "all", asked.method.level
    units = unit_bounds(found, answer.question, study, level=level, rng=asked.randomness(), whole=whole)
    if not units.rows:
        return None
    reached = f"{found.outcome} itself" if found.hidden else f"{found.interferer} alone"
    through = f"{found.treatment} acts on others through {found.interferer}; hidden causes reach {reached}"
    return replace(
        answer,
        verdict="unidentified" if units.bounds is None else "bounded",
        bounds=units.bounds,
        table=units.rows,
        steps=(
            *answer.steps,
            Step("interferer", through),
        ),
        checks=units.checks,
        remarks=(*answer.remarks, *units.remarks),
        references=(REFERENCE,),
        data=units.data,
        seconds=replace(answer.seconds, estimate=time.perf_counter() - start),
    )
