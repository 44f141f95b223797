"""A Check: one thing that could have gone wrong, whether it did, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from umbel.results.value import finite

FAINT = 1e-10
"""A p-value below it: its size rests on tails that no sample shows."""


def p_words(p: float) -> str:
    """A p-value as a sentence has it.

    Examples
    --------
    >>> p_words(0.0312), p_words(3e-87), p_words(0.0)
    ('p = 0.031', 'p < 1e-10', 'p < 1e-10')
    """
    return "p < 1e-10" if p < FAINT else f"p = {p:.2g}"


@dataclass(frozen=True, slots=True)
class Check:
    """One test of a result, true when passed.

    Estimators, ``verify()`` and the data door all return checks, so that a doubt reaches the
    reader as a value with advice and never as a warning that scrolls away.

    Parameters
    ----------
    name
        What was tested, in a few words: ``"positivity"``.
    passed
        Whether it held.
    value
        The number that decided, where there is one.
    advice
        One sentence: what it means and what to do; may be empty when passed.

    Examples
    --------
    >>> check = Check("positivity", passed=False, value=0.0, advice="No school treated everyone.")
    >>> bool(check)
    False
    """

    name: str
    passed: bool
    value: float | None = None
    advice: str = ""

    def to_dict(self) -> dict[str, str | bool | float | None]:
        """Plain values for JSON; a number that is not finite is None."""
        return {
            "name": self.name,
            "passed": bool(self.passed),
            "value": finite(self.value),
            "advice": self.advice,
        }

    def __bool__(self) -> bool:
        return self.passed
