"""Weights of the families that a question may draw a treatment from, state by state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from umbel.errors import QuestionError, shown
from umbel.model.formula import Formula, evaluate, state_of
from umbel.model.policy import Family, Pushed
from umbel.variable import State

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class FamilyLaw:
    """A family on a discrete treatment: how much weight each state gets.

    Parameters
    ----------
    family
        The family with its formulas.
    text
        As the question writes it.

    Examples
    --------
    >>> from umbel.model.formula import Constant
    >>> law = FamilyLaw(Family("Bernoulli", (Constant(0.75),)), "Bernoulli(0.75)")
    >>> [law.weight(state, (0, 1), {}) for state in (0, 1)]
    [0.25, 0.75]
    """

    family: Family
    text: str

    def weight(self, state: State, states: tuple[State, ...], covariates: dict[str, State]) -> float:
        """Probability of one state, given the covariates.

        Raises
        ------
        QuestionError
            For a probability outside [0, 1], probabilities that do not sum to one, or a family
            without weights on states.
        """
        if self.family.name == "Point":
            (point,) = self._values(state_of, covariates)
            if point not in states:
                raise QuestionError(f"{self.text} is no state of the table. States: {', '.join(map(str, states))}.")
            return 1.0 if state == point else 0.0
        numbers = self._values(evaluate, covariates)
        match self.family.name:
            case "Bernoulli" if len(states) == 2:
                one = self._probability(numbers[0], covariates)
                return one if state == states[1] else 1 - one
            case "Categorical" if len(numbers) == len(states):
                if abs(sum(numbers) - 1) > 1e-9:
                    raise QuestionError(
                        f"The probabilities of {self.text} sum to {sum(numbers):g}. They must sum to 1."
                    )
                return self._probability(numbers[states.index(state)], covariates)
            case _:
                raise QuestionError(
                    f"{self.text} has no weights on {len(states)} states. Use Bernoulli for two, Categorical for more."
                )

    def mean(self, covariates: dict[str, State]) -> float:
        """Mean of the treatment, given the covariates.

        Raises
        ------
        QuestionError
            For a family of states.
        """
        if self.family.name not in ("Normal", "Point"):
            raise QuestionError(f"{self.text} is a law of states, and the treatment is a number. Use Normal or Point.")
        return float(self._values(evaluate, covariates)[0])

    def _values(
        self, value: Callable[[Formula, Mapping[str, State]], Result], covariates: dict[str, State]
    ) -> list[Result]:
        try:
            return [value(formula, covariates) for formula in self.family.arguments]
        except (ArithmeticError, ValueError, TypeError) as error:
            at = ", ".join(f"{name} = {value}" for name, value in covariates.items())
            raise QuestionError(f"{self.text} has no value at {at}: {shown(str(error))}.") from None

    def _probability(self, value: float, covariates: dict[str, State]) -> float:
        if not 0 <= value <= 1:
            at = ", ".join(f"{name} = {state}" for name, state in covariates.items())
            raise QuestionError(
                f"{self.text} gives the probability {value:g}{' at ' + at if at else ''}; it lies in [0, 1]."
            )
        return value


@dataclass(frozen=True, slots=True)
class PushedLaw:
    """The law of an exposure: no table of it exists before friendships are seen.

    Parameters
    ----------
    pushed
        Which variable of the neighbours is read, how, and the law that it is drawn from.
    text
        As formulas print it.
    """

    pushed: Pushed
    text: str

    def weight(self, state: State, states: tuple[State, ...], covariates: dict[str, State]) -> float:
        """There is none.

        Raises
        ------
        QuestionError
            Always: the weights depend on friendships.
        """
        del state, states, covariates
        one = self.pushed
        raise QuestionError(
            f"The law of the {one.kind} of {one.of} over neighbours depends on friendships, which the formula does not "
            f"hold. Give a study with edges, or ask for one arm with do({one.of} ~ q) and pass laws of {one.of} and of "
            "what is read of it."
        )
