"""The three motifs of Weinstein and Blei (JMLR 27(37) 2026), Appendix D, as generators.

Fully specified models with a known effect: what estimators and planned studies are tried on. A
draw holds one array per variable, shape (units, members) inside the plate and (units,) outside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Array = NDArray[np.float64]
Members = NDArray[np.int8]

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """One data set.

    Parameters
    ----------
    members
        Variables inside the plate, each of shape (units, members).
    units
        Variables of the units, each of shape (units,).
    """

    members: dict[str, Members]
    units: dict[str, Members]

    def first(self, units: int, members: int) -> Draw:
        """The first units and members alone: the paper's growing subsets of one draw."""
        inner = {name: values[:units, :members] for name, values in self.members.items()}
        return Draw(inner, {name: values[:units] for name, values in self.units.items()})

    def rows(self) -> dict[str, NDArray[np.int64] | Members]:
        """The plate as one table: column ``unit``, then one column per variable."""
        units, members = next(iter(self.members.values())).shape
        table: dict[str, NDArray[np.int64] | Members] = {"unit": np.repeat(np.arange(units), members)}
        return {**table, **{name: values.ravel() for name, values in self.members.items()}}


def _coins(probability: Array, rng: np.random.Generator) -> Members:
    """0 or 1 with the given probabilities, any shape; single precision is ample for coins."""
    return (rng.random(probability.shape, dtype=np.float32) < probability).astype(np.int8)


@dataclass(frozen=True, slots=True)
class UnitConfounder:
    """D.1: ``U -> { A Y }; A -> Y`` with U hidden and of the unit.

    Parameters
    ----------
    omega
        Probability of U = 1: how much the units' kinds confound.
    beta
        The second parameter of the Beta law of the outcome. The paper's text says 2; its own code
        used 1, and both have published numbers.

    Examples
    --------
    >>> round(UnitConfounder(omega=0.5).effect(1.0, 0.0), 6)
    0.316667
    """

    omega: float = 0.5
    beta: float = 2.0

    GRAPH = "plate member { A Y }; latent U; U -> { A Y }; A -> Y"
    ALPHA_A = (0.5, 4.0)  # by u
    ALPHA_Y = ((0.5, 1.0), (2.0, 4.0))  # by a, then u

    def draw(self, units: int, members: int, *, rng: np.random.Generator) -> Draw:
        """One data set; O(units * members)."""
        u = _coins(np.full(units, self.omega), rng)
        share = rng.beta(np.array(self.ALPHA_A)[u], 1.0)  # (units,)
        a = _coins(np.broadcast_to(share[:, None], (units, members)), rng)
        means = np.stack([rng.beta(np.array(self.ALPHA_Y[state])[u], self.beta) for state in (0, 1)])  # (a, units)
        y = _coins(np.where(a == 1, means[1][:, None], means[0][:, None]), rng)
        return Draw({"A": a, "Y": y}, {})

    def effect(self, treated: float = 1.0, control: float = 0.0) -> float:
        """E[Y | do(A ~ Bernoulli(treated))] - E[Y | do(A ~ Bernoulli(control))] as members grow in number."""
        alpha = np.array(self.ALPHA_Y)
        mean = alpha / (alpha + self.beta)  # (a, u)
        slope = mean[1] - mean[0]
        return float((treated - control) * ((1.0 - self.omega) * slope[0] + self.omega * slope[1]))


@dataclass(frozen=True, slots=True)
class UnitInterference:
    """D.2: ``U -> { A Y }; A -> { Y Z }; Z -> Y``: treated members act on all through Z.

    Parameters
    ----------
    rho
        Strength of the interference.

    Examples
    --------
    >>> round(UnitInterference(rho=0.5).effect(0.75, 0.25), 6)
    0.225801
    """

    rho: float = 0.5

    GRAPH = "plate member { A Y }; latent U; U -> { A Y }; A -> { Y Z }; Z -> Y"

    def draw(self, units: int, members: int, *, rng: np.random.Generator) -> Draw:
        """One data set; O(units * members)."""
        u = rng.normal(size=units)
        share = expit(rng.normal(0.5 * u, 1.0))
        a = _coins(np.broadcast_to(share[:, None], (units, members)), rng)
        with np.errstate(divide="ignore"):  # a unit where all are alike has Z for certain
            z = _coins(expit(2.0 * logit(a.mean(axis=1)) - 0.8), rng)
        centre = self.rho * (2.0 * z - 1.0) + 0.5 * u
        means = np.stack([expit(rng.normal(centre + 0.5 * state, 0.1)) for state in (0, 1)])  # (a, units)
        y = _coins(np.where(a == 1, means[1][:, None], means[0][:, None]), rng)
        return Draw({"A": a, "Y": y}, {"Z": z})

    def mean(self, share: float) -> float:
        """E[Y | do(A ~ Bernoulli(share))] as members grow in number.

        The paper prints the square root over the wrong terms: the linear predictor is
        ``0.5 a + rho (2 z - 1) + sqrt(0.5² + 0.1²) x`` with x standard normal.
        """
        chance = float(expit(2.0 * logit(share) - 0.8))
        spread = np.sqrt(0.5**2 + 0.1**2) * NODES
        total = 0.0
        for z, p_z in ((0, 1.0 - chance), (1, chance)):
            for a, p_a in ((0, 1.0 - share), (1, share)):
                total += p_z * p_a * float(WEIGHTS @ expit(0.5 * a + self.rho * (2 * z - 1) + spread))
        return total

    def effect(self, treated: float = 0.75, control: float = 0.25) -> float:
        """E[Y | do(A ~ Bernoulli(treated))] - E[Y | do(A ~ Bernoulli(control))]."""
        return self.mean(treated) - self.mean(control)


@dataclass(frozen=True, slots=True)
class SubunitInstrument:
    """D.3: ``U -> { A Y }; Z -> A -> Y`` with Z and A inside the plate and Y of the unit.

    Parameters
    ----------
    omega
        Probability of U = 1.

    Examples
    --------
    >>> SubunitInstrument(omega=0.2).effect(0.75, 0.25)
    0.25
    """

    omega: float = 0.5

    GRAPH = "plate member { Z A }; latent U; U -> { A Y }; Z -> A -> Y"

    def draw(self, units: int, members: int, *, rng: np.random.Generator) -> Draw:
        """One data set; O(units * members)."""
        u = _coins(np.full(units, self.omega), rng)
        z = _coins(np.broadcast_to(rng.beta(2.0, 2.0, units)[:, None], (units, members)), rng)
        noise = rng.beta(2.0 - 1.8 * u, 0.2 + 1.8 * u, size=(2, units))  # (z, units)
        share = 0.8 * np.array([[0.0], [1.0]]) + 0.2 * noise
        a = _coins(np.where(z == 1, share[1][:, None], share[0][:, None]), rng)
        y = _coins(0.45 - 0.4 * u + 0.5 * a.mean(axis=1), rng)
        return Draw({"Z": z, "A": a}, {"Y": y})

    def effect(self, treated: float = 0.75, control: float = 0.25) -> float:
        """E[Y | do(A ~ Bernoulli(treated))] - E[Y | do(A ~ Bernoulli(control))]."""
        return 0.5 * (treated - control)
