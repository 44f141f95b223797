"""All examples in one ordered tuple, and how to find one by name or figure."""

from __future__ import annotations

from umbel.errors import InputError, did_you_mean, shown
from umbel.gallery import aggregation, counterfactual, flat, hierarchical, interference, mixture
from umbel.gallery.example import Example

EXAMPLES: tuple[Example, ...] = (
    *flat.EXAMPLES,
    *hierarchical.EXAMPLES,
    *mixture.EXAMPLES,
    *counterfactual.EXAMPLES,
    *interference.EXAMPLES,
    *aggregation.EXAMPLES,
)


def find(name: str) -> Example:
    """The example of that name, or of that figure; capitals do not matter.

    Raises
    ------
    InputError
        With what was possible.

    Examples
    --------
    >>> find("1A").name
    'unit-confounder'
    """
    wanted = name.strip().casefold()
    for key in ("name", "figure"):
        for example in EXAMPLES:
            if getattr(example, key).casefold() == wanted:
                return example
    _, close, near = did_you_mean(name, [example.name for example in EXAMPLES]).rpartition("Did you mean")
    hint = f"{close}{near} " if close else ""
    raise InputError(f"There is no example {shown(name)}. {hint}umbel gallery lists all {len(EXAMPLES)}.")
