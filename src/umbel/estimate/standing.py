"""What a number is worth when the rows contradict the model that it was read off.

An estimator that draws lines tests them; a test that fails does not widen the interval, which then holds
for another quantity than the question's. Such a number is replaced by one from a model that fits, where
there is one, or carries a status that says what it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from umbel.data.study import Study
from umbel.estimate.adjustment import AIPW
from umbel.estimate.estimator import Estimator, Supported, Target
from umbel.estimate.frontdoor import APIPW
from umbel.estimate.montecarlo import FittedKernels
from umbel.results.check import Check

MODELS = ("one slope", "same slope everywhere", "second degree", "line in the total", "lines in the")
"""Names, or their beginnings, of checks of a model against the rows."""


def contradicted(checks: Sequence[Check]) -> tuple[Check, ...]:
    """The checks of models that failed.

    Examples
    --------
    >>> [one.name for one in contradicted((Check("one slope: A", False), Check("overlap", False)))]
    ['one slope: A']
    """
    return tuple(one for one in checks if not one.passed and one.name.startswith(MODELS))


def status_of(checks: Sequence[Check]) -> tuple[Check, ...]:
    """What the number is, first of all checks; nothing where no model is contradicted, or one stands there."""
    wrong = contradicted(checks)
    if not wrong or any(one.name == "status" for one in checks):
        return ()
    names = ", ".join(one.name for one in wrong)
    words = (
        f"doubtful: {names}. The rows contradict the model that the number and its interval are read off: they are "
        "those of the nearest such model, and the interval need not hold the answer."
    )
    return (Check("status", False, None, words),)


def with_another_model(
    chosen: Estimator, target: Target, study: Study, among: Sequence[Estimator]
) -> FittedKernels | None:
    """The estimator of bent curves, where lines were drawn and it may answer instead."""
    if not isinstance(chosen, AIPW | APIPW):
        return None
    for one in among:
        if isinstance(one, FittedKernels) and isinstance(one.supports(target, study), Supported):
            return one
    return None


def set_aside(chosen: Estimator, wrong: Sequence[Check]) -> str:
    """The line that tells why another estimator was taken."""
    names = ", ".join(one.name for one in wrong)
    return f"The estimator '{chosen.name}' was set aside, since the rows contradict its model ({names})."
