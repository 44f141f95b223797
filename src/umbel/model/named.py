"""What the usual names mean: PNS, PN, PS, ATE and ETT written out as probabilities and expectations."""

from __future__ import annotations

from umbel.model.query import Event, Expectation, Held, Named, Plain, Probability, combine
from umbel.variable import State


def spelled_out(named: Named, *, low: State = 0, high: State = 1, no: State = 0, yes: State = 1) -> Plain:
    """What a named quantity means, as terms.

    Parameters
    ----------
    named
        The quantity.
    low, high
        The two values of the treatment: the reference and the other.
    no, yes
        The two values of the outcome; ATE and ETT do not use them.

    References
    ----------
    Pearl, "Causality", 2nd edition (2009), definitions 9.2.1 (PN), 9.2.2 (PS) and 9.2.3 (PNS).

    Examples
    --------
    >>> spelled_out(Named("PNS", "A", "Y")).outcomes[0]
    Event(variable='Y', value=1, world=(Held(name='A', value=1),))
    """
    a, y = named.treatment, named.outcome
    would, would_not = Event(y, yes, (Held(a, high),)), Event(y, no, (Held(a, low),))
    match named.kind:
        case "PNS":
            return Probability((would, would_not), (), named.given)
        case "PN":
            return Probability((would_not,), (), (Event(a, high), Event(y, yes), *named.given))
        case "PS":
            return Probability((would,), (), (Event(a, low), Event(y, no), *named.given))
        case "ETT":
            treated = (Event(a, high), *named.given)
            worlds = (Expectation(Event(y, None, (Held(a, value),)), (), treated) for value in (high, low))
            return combine(zip((1.0, -1.0), worlds, strict=True))
        case _:
            effects = (Expectation(Event(y), (Held(a, value),), named.given) for value in (high, low))
            return combine(zip((1.0, -1.0), effects, strict=True))
