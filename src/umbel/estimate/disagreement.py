"""Which studies disagree, in words: from tests of compatibility to a certificate and to checks.

A component is rejected by the test of all its studies together, after Holm's correction over
components. Only then its studies and pairs are looked at, with Holm's correction among them, to say
who disagrees: they are the parts of a hypothesis that fell already, so that looking at them costs
the verdict no power.
"""

from __future__ import annotations

from collections.abc import Sequence

from umbel.estimate.bounds_arrays import Records
from umbel.estimate.bounds_found import Incompatible
from umbel.estimate.compatibility import DOUBT, REJECT, Disagreement, holm
from umbel.model.programme import Programme
from umbel.results.check import Check, p_words

REMEDIES = (
    "Look whether the studies drew from one population.",
    "Add the arrows or hidden causes that the graph lacks.",
)


def clash(programme: Programme, studies: Sequence[Records], tests: Sequence[Disagreement]) -> Incompatible | None:
    """The verdict of the tests; None where no component is rejected.

    Parameters
    ----------
    programme, studies
        For the names.
    tests
        Of :func:`umbel.estimate.compatibility.disagreements`: of every component by all its studies,
        followed by its studies and pairs where that one left doubt.
    """
    families = _families(tests)
    adjusted = holm([whole.p for whole, _ in families])
    fallen = [family for family, p in zip(families, adjusted, strict=True) if p < REJECT]
    if not fallen:
        return None
    told = tuple(one for family in fallen for one in _told(*family))
    text = " ".join(_sentence(programme, studies, one) for one in told)
    if any(len(one.studies) > 1 for one in told):
        text += " The studies disagree: each may fit the graph, together they do not."
    return Incompatible(text, REMEDIES, told, _checks(programme, studies, tests))


def agreement(
    programme: Programme, studies: Sequence[Records], tests: Sequence[Disagreement], found: Incompatible | None
) -> tuple[Check, ...]:
    """Checks of a bound: one when all is well, one for each test where there is doubt, none without tests."""
    if not tests:
        return ()
    lowest = min(one.p for one in tests)
    if found is not None:
        text = f"{found.text} Bounds are those of the nearest compatible law."
        return (Check("compatibility", False, lowest, text), *found.checks)
    if lowest < DOUBT:
        return _checks(programme, studies, tests)
    return (Check("compatibility", True, lowest, "The studies fit the graph, and each other."),)


def _families(tests: Sequence[Disagreement]) -> list[tuple[Disagreement, list[Disagreement]]]:
    """Each component's test of everything, with the tests of its parts."""
    found: dict[int, tuple[Disagreement, list[Disagreement]]] = {}
    for one in tests:
        if one.component in found:
            found[one.component][1].append(one)
        else:
            found[one.component] = (one, [])
    return list(found.values())


def _told(whole: Disagreement, parts: Sequence[Disagreement]) -> list[Disagreement]:
    """Who is to be named: studies that fit by themselves not, then pairs, then all of them together."""
    if len(whole.studies) == 1 or not parts:
        return [whole]
    adjusted = holm([one.p for one in parts])
    worst = [one for one, p in zip(parts, adjusted, strict=True) if p < REJECT]
    alone = {one.studies[0] for one in worst if len(one.studies) == 1}
    named = [one for one in worst if len(one.studies) == 1 or not alone & set(one.studies)]
    return named or [whole]


def _who(studies: Sequence[Records], one: Disagreement) -> str:
    names = [studies[study].name for study in one.studies]
    return f"{names[0]} alone" if len(names) == 1 else " and ".join([", ".join(names[:-1]), names[-1]])


def _sentence(programme: Programme, studies: Sequence[Records], one: Disagreement) -> str:
    known = all(studies[study].population for study in one.studies)
    how = "exactly" if known else f"likelihood ratio {one.ratio:.3g}, {p_words(one.p)}"
    verb = "says" if len(one.studies) == 1 else "say together"
    variables = programme.labels(programme.components[one.component])
    return f"The model cannot give what {_who(studies, one)} {verb} of {variables} ({how})."


def _checks(programme: Programme, studies: Sequence[Records], tests: Sequence[Disagreement]) -> tuple[Check, ...]:
    """Every test as a check, the parts of a component with Holm's correction among them."""
    found = []
    for whole, parts in _families(tests):
        adjusted = [whole.p, *holm([one.p for one in parts])]
        variables = programme.labels(programme.components[whole.component])
        for one, p in zip((whole, *parts), adjusted, strict=True):
            fits = p >= DOUBT
            verb = f"fit{'s' * (len(one.studies) == 1)}{'' if fits else ' poorly'}"
            advice = f"{_who(studies, one)} {verb} in {variables} ({p_words(p)})."
            found.append(Check("compatibility", fits, p, advice))
    return tuple(found)
