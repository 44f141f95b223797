"""A shop with thousands of products: weekly sales that move together, prices that differ.

Prices are known, so that the effect of total sales on revenue is known for every realisation: from the
lowest price to the highest (Zhu, Budhathoki, Kübler and Janzing, section 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Shop:
    """Weekly sales and prices.

    Parameters
    ----------
    names
        Of the products.
    prices
        Shape (products,).
    sales
        Shape (weeks, products): bottles sold.
    cov
        Shape (products,): variance of each product's own demand; what all share has variance ``shared``.
    loads, shared
        How much each product follows the season, shape (products,), and the season's variance.
    """

    names: tuple[str, ...]
    prices: Array
    sales: Array
    cov: Array
    loads: Array
    shared: float

    def natural(self) -> float:
        """Revenue of one more bottle by the natural realisation, in the model: ``alpha'S w / w'S w``."""
        one = float(self.loads.sum())
        with_total = self.cov + self.shared * self.loads * one
        return float(self.prices @ with_total / with_total.sum())

    def table(self) -> dict[str, Array]:
        """Columns: the products, their sum and the revenue."""
        columns = {name: self.sales[:, j] for j, name in enumerate(self.names)}
        return {**columns, "Sales": self.sales.sum(axis=1), "Revenue": self.sales @ self.prices}


def shampoo(weeks: int, products: int, *, rng: np.random.Generator) -> Shop:
    """A shop's weekly sales: every product has its own demand, all follow a season, dear ones less.

    Parameters
    ----------
    weeks, products
        How many.
    rng
        Source of prices and sales.

    Returns
    -------
    Shop
        Sales with the prices and variances that made them.

    Examples
    --------
    >>> shop = shampoo(52, 1000, rng=np.random.default_rng(0))
    >>> shop.sales.shape, bool(shop.prices.min() < shop.natural() < shop.prices.max())
    ((52, 1000), True)
    """
    if weeks < 2 or products < 2:
        raise DataError(f"A shop has at least 2 weeks and 2 products, not {weeks} and {products}.")
    prices = np.asarray(np.round(np.exp(rng.normal(1.4, 0.5, size=products)), 2), dtype=np.float64)
    level = rng.gamma(4.0, 25.0, size=products)
    loads = level / level.mean() / np.sqrt(prices / prices.mean())
    own = level.copy()  # demand varies about like its mean
    season = rng.normal(size=weeks)
    shared = 16.0
    noise = rng.normal(size=(weeks, products)) * np.sqrt(own)
    sales = level + np.sqrt(shared) * np.outer(season, loads) + noise
    return Shop(tuple(f"P{j + 1}" for j in range(products)), prices, sales, own, loads, shared)
