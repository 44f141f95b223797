"""From a "no" about members whose unit stands between to bounds in the Answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from umbel.identification.interfered import interfered
from umbel.pipeline.bounding import Asked
from umbel.results.answer import Answer
from umbel.results.step import Certificate, Step

if TYPE_CHECKING:
    from umbel.data.study import Study


def bounds_through_units(answer: Answer, asked: Asked) -> Answer | None:
    """The Answer with the effect whose interferer is kept, and with bounds of the full one where they say anything.

    None where the question is of another form, or the study has not the tables for it.
    """
    found = interfered(asked.graph, asked.question)
    if found is None:
        return None
    plain = [one for one in asked.studies if not one.do]
    trials = [one for one in asked.studies if one.do]
    names = (found.treatment, found.interferer)
    if len(plain) != 1 or not all(_measures(one, names) for one in asked.studies):
        return None
    (study,) = plain
    if not study.holds(found.outcome) or any(one.do != (found.treatment,) for one in trials):
        return None
    from umbel.estimate.bounds_units import REFERENCE, unit_bounds

    start = time.perf_counter()
    whole, level = asked.method.members == "all", asked.method.level
    units = unit_bounds(found, answer.question, study, trials, level=level, rng=asked.randomness(), whole=whole)
    if not units.rows:
        return None
    reached = f"{found.outcome} itself" if found.hidden else f"{found.interferer} alone"
    through = f"{found.treatment} acts on others through {found.interferer}; hidden causes reach {reached}"
    return replace(
        answer,
        verdict="unidentified" if units.bounds is None else "bounded",
        refusal=None,
        certificate=answer.certificate or _open(answer),
        bounds=None if units.bounds is None else units.bounds.at_level(level),
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


def _measures(study: Study, names: Sequence[str]) -> bool:
    """Whether a study holds rows of members with one key, and these variables."""
    return study.data is not None and len(study.unit) == 1 and all(study.holds(name) for name in names)


def _open(answer: Answer) -> Certificate | None:
    """Why a question that was refused is open: no route that is built answers it from these studies."""
    return None if answer.refusal is None else Certificate("route", answer.refusal.why, (answer.refusal.advice,))
