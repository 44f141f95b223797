"""Mixtures of treatment effects with known truth: a hidden class behind proxies, treatment, outcome.

The designs on which estimators of class effects are compared. Each is a finite law
``J[z, x, y, t, u]``: ``z`` are proxies that may act on the treatment, ``x`` proxies that do not,
``u`` the hidden class. MAIN is the experiment of Mazaheri, Squires and Uhler, "Synthetic Potential
Outcomes and Causal Mixture Identifiability" (AISTATS 2025); A, B, C and D3 are harder, because in
MAIN the bias of the naive average is invisible by symmetry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MixtureDesign:
    """A finite law of a hidden class, proxies on two sides, treatment and outcome.

    Parameters
    ----------
    name
        What tables call it.
    classes
        Shape (k,): probabilities of the classes.
    z, x
        Shape (dz, k) and (dx, k): laws of the proxies of either side.
    treatment
        Shape (arms, dz, k): law of the treatment given ``z`` and the class.
    outcome
        Shape (ny, dx, arms, k): law of the outcome; constant over ``dx`` unless ``x`` acts on it.
    values
        Shape (ny,): the numbers that outcomes stand for.
    z_sizes, x_sizes
        States of each proxy of a side, the slow index first.

    Examples
    --------
    >>> design = design_b()
    >>> design.effects.round(3).tolist(), round(design.average_effect, 3)
    ([-0.3, 0.5], 0.18)
    """

    name: str
    classes: Array
    z: Array
    x: Array
    treatment: Array
    outcome: Array
    values: Array
    z_sizes: tuple[int, ...]
    x_sizes: tuple[int, ...]

    @property
    def joint(self) -> Array:
        """The law with the class, shape (dz, dx, ny, arms, k)."""
        return np.asarray(
            np.einsum("u,zu,xu,tzu,yxtu->zxytu", self.classes, self.z, self.x, self.treatment, self.outcome)
        )

    @property
    def law(self) -> Array:
        """The observed law, shape (dz, dx, ny, arms)."""
        return np.asarray(self.joint.sum(-1))

    @property
    def means(self) -> Array:
        """E[Y(t) | u], shape (arms, k)."""
        return np.asarray(np.einsum("y,yxtu,xu->tu", self.values, self.outcome, self.x))

    @property
    def effects(self) -> Array:
        """E[Y(1) - Y(0) | u], shape (k,), in the design's own order of classes."""
        means = self.means
        return np.asarray(means[1] - means[0])

    @property
    def average_effect(self) -> float:
        """E[Y(1) - Y(0)]."""
        return float(self.classes @ self.effects)

    @property
    def naive(self) -> float:
        """E[Y | T=1] - E[Y | T=0], which the class confounds."""
        cells = np.einsum("zxyt->yt", self.law)
        means = self.values @ cells / cells.sum(0)
        return float(means[1] - means[0])

    def moments(self, order: int) -> Array:
        """E[R^l] of the class effects for l = 0 … order."""
        return np.array([self.classes @ self.effects**power for power in range(order + 1)])

    def truth(self) -> tuple[Array, Array]:
        """Probabilities and effects of the classes, by ascending effect."""
        order = np.argsort(self.effects, kind="stable")
        return self.classes[order], self.effects[order]

    def sample(self, rows: int, *, rng: np.random.Generator) -> Array:
        """Counts of ``rows`` draws, shape (dz, dx, ny, arms).

        Examples
        --------
        >>> int(design_b().sample(100, rng=np.random.default_rng(0)).sum())
        100
        """
        law = self.law
        return rng.multinomial(rows, law.ravel() / law.sum()).reshape(law.shape).astype(np.float64)

    def rows(self, rows: int, *, rng: np.random.Generator) -> dict[str, NDArray[np.int64]]:
        """Draws as columns ``Z0 …``, ``X0 …``, ``T``, ``Y`` (a state's index), and ``U``, which nobody sees."""
        joint = self.joint
        cell = rng.choice(joint.size, size=rows, p=joint.ravel() / joint.sum())
        z, x, y, t, u = np.unravel_index(cell, joint.shape)
        columns = {f"Z{i}": part for i, part in enumerate(np.unravel_index(z, self.z_sizes))}
        columns |= {f"X{i}": part for i, part in enumerate(np.unravel_index(x, self.x_sizes))}
        return {name: np.asarray(part, dtype=np.int64) for name, part in (columns | {"T": t, "Y": y, "U": u}).items()}

    def clustered_rows(
        self, sizes: Sequence[int], *, concentration: float, rng: np.random.Generator
    ) -> dict[str, NDArray[np.int64]]:
        """Draws in clusters whose rows are alike beyond the class, with the cluster as column ``cluster``.

        Each cluster has its own laws of Z and of X in every class, drawn around the design's from Dirichlet
        laws, so that rows together have the law of :meth:`rows` and rows of one cluster depend on each other.

        Parameters
        ----------
        sizes
            Rows of each cluster.
        concentration
            Of the Dirichlet laws; two rows of a cluster agree beyond chance by ``1 / (1 + concentration)``.
        rng
            Of the draws.

        Examples
        --------
        >>> rows = design_b().clustered_rows([3, 2], concentration=3.0, rng=np.random.default_rng(0))
        >>> rows["cluster"].tolist(), sorted(rows)
        ([0, 0, 0, 1, 1], ['T', 'U', 'X0', 'X1', 'Y', 'Z0', 'Z1', 'cluster'])
        """
        k = len(self.classes)
        parts = []
        for size in sizes:
            z = np.stack([rng.dirichlet(concentration * self.z[:, u]) for u in range(k)], axis=1)
            x = np.stack([rng.dirichlet(concentration * self.x[:, u]) for u in range(k)], axis=1)
            parts.append(replace(self, z=z, x=x).rows(int(size), rng=rng))
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return found | {"cluster": np.repeat(np.arange(len(sizes)), sizes)}


def binary_side(*proxies: Sequence[float]) -> tuple[Array, tuple[int, ...]]:
    """The law of independent binary proxies given the class, shape (2^proxies, k); the first is slow.

    Examples
    --------
    >>> binary_side((0.2, 0.7))[0].round(3).tolist()
    [[0.8, 0.3], [0.2, 0.7]]
    """
    law = np.ones((1, len(proxies[0])))
    for proxy in proxies:
        ones = np.asarray(proxy, dtype=np.float64)
        law = (law[:, None, :] * np.stack([1 - ones, ones])).reshape(-1, len(ones))
    return law, (2,) * len(proxies)


def _design(
    name: str,
    classes: ArrayLike,
    z: Sequence[Sequence[float]],
    treated: ArrayLike,
    x: Sequence[Sequence[float]],
    outcome: ArrayLike,
    values: ArrayLike = (0.0, 1.0),
) -> MixtureDesign:
    """A design from P(T=1 | z, u), shape (dz, k), and P(y | x, t, u), shape (ny, dx or 1, arms, k)."""
    z_law, z_sizes = binary_side(*z)
    x_law, x_sizes = binary_side(*x)
    ones = np.asarray(treated, dtype=np.float64)
    laws = np.asarray(outcome, dtype=np.float64)
    laws = np.broadcast_to(laws, (laws.shape[0], len(x_law), *laws.shape[2:])).copy()
    shares = np.asarray(classes, dtype=np.float64)
    numbers = np.asarray(values, dtype=np.float64)
    return MixtureDesign(name, shares, z_law, x_law, np.stack([1 - ones, ones]), laws, numbers, z_sizes, x_sizes)


def _binary(ones: ArrayLike) -> Array:
    """P(y | t, u) of a binary outcome from P(Y=1 | t, u), shape (2, 1, arms, k)."""
    law = np.asarray(ones, dtype=np.float64)
    return np.stack([1 - law, law])[:, None]


def design_main(a: float, b: float = 0.0) -> MixtureDesign:
    """The published experiment: ``a`` turns Z's effect on the treatment on, ``b`` X's on the outcome.

    Class effects are -.75 and .75 at ``b = 0``.

    Examples
    --------
    >>> design_main(1.0).effects.tolist()
    [-0.75, 0.75]
    """
    untreated = np.array([[7, 1 + 6 * b], [7 - 6 * b, 1]]) / 8  # rows x
    treated = np.array([[1, 7 - 6 * b], [1 + 6 * b, 7]]) / 8
    ones = np.stack([untreated, treated], axis=1)  # (x, t, u)
    return _design(
        f"MAIN a={a:g} b={b:g}" if b else f"MAIN a={a:g}",
        (0.5, 0.5),
        [(0.25, 0.75)],
        [[0.75, 0.25 + a / 2], [0.75 - a / 2, 0.25]],
        [(0.25, 0.75)],
        np.stack([1 - ones, ones]),
    )


_A_TREATED = ((0.3, 0.7), (0.5, 0.6))
_A_X = ((0.25, 0.8), (0.6, 0.2))


def design_a() -> MixtureDesign:
    """A hard design: one weak proxy beside the treatment, class effects close together (.3, .1)."""
    return _design("A", (0.35, 0.65), [(0.2, 0.7)], _A_TREATED, _A_X, _binary([[0.2, 0.6], [0.5, 0.7]]))


def design_a5() -> MixtureDesign:
    """Design A with an outcome of five levels.

    Examples
    --------
    >>> round(design_a5().average_effect, 10)
    0.6310045273
    """
    values = np.linspace(-2, 2, 5)
    centre = np.array([[-1, 0.5], [0.5, 0.8]])
    weights = np.exp(-0.5 * (values[:, None, None] - centre) ** 2)
    law = weights / weights.sum(0)
    return _design("A5", (0.35, 0.65), [(0.2, 0.7)], _A_TREATED, _A_X, law[:, None], values)


def design_b() -> MixtureDesign:
    """Two good proxies a side, class effects of opposite sign (-.3, .5)."""
    return _design(
        "B",
        (0.4, 0.6),
        [(0.2, 0.8), (0.3, 0.7)],
        [[0.35, 0.6], [0.5, 0.45], [0.4, 0.7], [0.55, 0.6]],
        [(0.15, 0.8), (0.7, 0.25)],
        _binary([[0.6, 0.3], [0.3, 0.8]]),
    )


def design_c(a: float) -> MixtureDesign:
    """An honest transition: at ``a = 0`` the treatment depends on the class alone, at 1 on Z alone.

    Class effects are .5 and .2 throughout.
    """
    treated = 0.5 + 0.45 * a * np.array([[-1, -1], [1, 1]]) + 0.2 * (1 - a) * np.array([[-1, 1], [-1, 1]])
    return _design(f"C a={a:g}", (0.4, 0.6), [(0.3, 0.7)], treated, [(0.2, 0.75)], _binary([[0.2, 0.6], [0.7, 0.8]]))


def design_d3() -> MixtureDesign:
    """Three classes, two binary proxies a side."""
    return _design(
        "D3",
        (0.3, 0.4, 0.3),
        [(0.15, 0.5, 0.85), (0.8, 0.2, 0.6)],
        [[0.3, 0.5, 0.7], [0.4, 0.6, 0.6], [0.5, 0.4, 0.75], [0.35, 0.55, 0.65]],
        [(0.1, 0.5, 0.9), (0.75, 0.2, 0.7)],
        _binary([[0.7, 0.3, 0.15], [0.2, 0.45, 0.85]]),
    )


def random_design(classes: int, *, rng: np.random.Generator, proxies: int = 3, arms: int = 2) -> MixtureDesign:
    """A random design with ``proxies`` binary proxies a side and a binary outcome.

    Enough proxies for ``classes`` when ``2^proxies >= classes``: random laws are then independent.

    Examples
    --------
    >>> random_design(4, rng=np.random.default_rng(0)).law.shape
    (8, 8, 2, 2)
    """
    z_law, sizes = binary_side(*rng.uniform(0.1, 0.9, size=(proxies, classes)))
    x_law, _ = binary_side(*rng.uniform(0.1, 0.9, size=(proxies, classes)))
    shares = rng.dirichlet(np.full(classes, 8.0))
    treatment = rng.dirichlet(np.full(arms, 8.0), size=(len(z_law), classes)).transpose(2, 0, 1)
    ones = rng.uniform(0.1, 0.9, size=(arms, classes))
    outcome = np.broadcast_to(_binary(ones), (2, len(x_law), arms, classes)).copy()
    numbers = np.array([0.0, 1.0])
    return MixtureDesign(f"random k={classes}", shares, z_law, x_law, treatment, outcome, numbers, sizes, sizes)


DESIGNS: tuple[MixtureDesign, ...] = (
    design_main(0.0),
    design_main(0.5),
    design_main(1.0),
    design_a(),
    design_a5(),
    design_b(),
    design_c(0.4),
    design_d3(),
)
"""Designs in which proxies do not act on the outcome, so that class effects are identified."""
