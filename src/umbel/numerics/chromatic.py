"""Gibbs sampling of a binary variable whose neighbours answer each other, one colour at a time.

Each node follows ``P(Y_i = 1 | rest) = expit(field_i + coupling * sum of neighbours' Y)``: the
auto-logistic model (Besag, JRSS B 36(2), 1974). With symmetric weights its conditionals fit one
joint law, so the order of the scan does not matter and the colours may be swept in turn.

Several chains run side by side on the same random numbers: policies that are compared share their
noise, and the neighbours of a node are read once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from umbel.numerics.network import Floats, Integers, Network

Singles = NDArray[np.float32]
Bytes = NDArray[np.uint8]

SLOTS = 64
"""Neighbours of a node that are read slot by slot; those of a hub beyond it, in one list. Below 256,
so that the count of one chain fits its byte."""


class Pull(Protocol):
    """Weighted sums over the neighbours of the nodes of one colour."""

    def __call__(self, colour: int, state: Bytes) -> Singles:
        """Shape (nodes of the colour, lanes) from all states, shape (nodes, lanes)."""


@dataclass(frozen=True, slots=True, eq=False)
class WeightedPull:
    """Sums by compressed rows: for edges that have weights."""

    rows: tuple[Any, ...]

    @staticmethod
    def of(network: Network) -> WeightedPull:
        """Cut the rows of each colour once."""
        return WeightedPull(tuple(network.links[a:b] for a, b in _spans(network)))

    def __call__(self, colour: int, state: Bytes) -> Singles:
        """See :class:`Pull`; O(edges of the colour * lanes)."""
        found: Singles = self.rows[colour] @ state.astype(np.float32)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class CountingPull:
    """Counts of neighbours in state 1, eight chains in one machine word: for edges without weights.

    The ``d``-th neighbours of a colour's nodes are a list (jagged diagonals: nodes stand by falling
    degree, so list ``d`` belongs to the first ``len`` of them). One read of a word brings the states
    of a neighbour in all its chains, and one addition counts them all: a byte each.
    """

    bounds: tuple[int, ...]
    slots: tuple[tuple[Integers, ...], ...]
    hubs: tuple[tuple[Integers, Integers], ...]

    @staticmethod
    def of(network: Network) -> CountingPull:
        """Cut the lists of each colour once; O(edges) memory."""
        columns, starts, degrees = network.links.indices.astype(np.int64), network.links.indptr, network.degrees
        slots, hubs = [], []
        for a, b in _spans(network):
            degree, start = degrees[a:b], starts[a:b].astype(np.int64)
            reach = min(int(degree[0]), SLOTS) if b > a else 0
            slots.append(tuple(columns[start[: int(np.searchsorted(-degree, -d))] + d] for d in range(reach)))
            crowded = int(np.searchsorted(-degree, -SLOTS))
            tails = [columns[start[i] + SLOTS : start[i] + degree[i]] for i in range(crowded)]
            heads = np.concatenate([[0], np.cumsum([len(tail) for tail in tails])[:-1]]) if tails else np.zeros(0)
            hubs.append(
                (np.concatenate([*tails, np.zeros(0, dtype=np.int64)]).astype(np.int64), heads.astype(np.int64))
            )
        return CountingPull(network.bounds, tuple(slots), tuple(hubs))

    def __call__(self, colour: int, state: Bytes) -> Singles:
        """See :class:`Pull`; O(edges of the colour) reads of a word each, for up to eight lanes."""
        words = state.view(f"u{min(state.shape[1], 8)}")  # (nodes, words)
        (tails, heads), size = self.hubs[colour], self.bounds[colour + 1] - self.bounds[colour]
        total = np.zeros((size, words.shape[1]), words.dtype)
        for one in self.slots[colour]:
            total[: len(one)] += words.take(one, axis=0)
        count = total.view(np.uint8).astype(np.float32)
        if len(heads):
            count[: len(heads)] += np.add.reduceat(state.take(tails, axis=0), heads, axis=0, dtype=np.float32)
        return count


def _spans(network: Network) -> zip[tuple[int, int]]:
    """Places of each colour."""
    return zip(network.bounds, network.bounds[1:], strict=False)


def _padded(chains: int, copies: int) -> int:
    """Chains, with idle ones so that a node's bytes are 1, 2, 4 or a number of whole words."""
    while (width := chains * copies) not in (1, 2, 4) and width % 8:
        chains += 1
    return chains


def chances(
    network: Network,
    field: Floats,
    coupling: float,
    *,
    copies: int = 1,
    burn: int = 20,
    keep: int = 40,
    pull: Pull | None = None,
    rng: np.random.Generator,
) -> Iterator[tuple[Bytes, Singles]]:
    """Run chains to equilibrium; after each kept sweep yield the states and the chances of 1.

    Parameters
    ----------
    network
        Of ``n`` nodes.
    field
        Shape (n, chains) or (n, chains, copies), by place: what pulls each node, other than its
        neighbours' states, in log odds. Chains are compared and share their noise; copies are
        independent of each other.
    coupling
        Log odds per unit of the neighbours' weighted sum.
    burn, keep
        Sweeps before the first that counts, and sweeps that count.
    pull
        How neighbours are summed; None: counted where edges have no weights.
    rng
        Source of randomness.

    Yields
    ------
    tuple
        ``(state, chance)``, both of shape (n, chains, copies); the next sweep overwrites them.
        ``chance`` is that of the moment of each node's own update, so that its mean is the
        Rao-Blackwell estimate of P(Y = 1).

    Notes
    -----
    O(edges * chains * copies) a sweep, at about the speed at which neighbours can be read.

    Examples
    --------
    >>> from umbel.numerics.network import build_network
    >>> pair = build_network(2, np.array([0]), np.array([1]))
    >>> kept = chances(pair, np.zeros((2, 1)), 1.0, copies=2000, rng=np.random.default_rng(0))
    >>> round(float(np.mean([chance.mean() for _, chance in kept])), 2)  # (1 + e) / (3 + e)
    0.65
    """
    n, chains = network.size, field.shape[1]
    shape = (n, _padded(chains, copies), copies)
    base = np.zeros(shape, np.float32)
    base[:, :chains] = field.reshape(*field.shape, *(1,) * (3 - field.ndim))
    sums = pull or (WeightedPull.of(network) if network.weighted else CountingPull.of(network))
    chance, noise = np.empty(shape, np.float32), rng.random((n, 1, copies), dtype=np.float32)
    state = (noise < 1.0 / (1.0 + np.exp(-np.clip(base, -80.0, 80.0)))).astype(np.uint8)
    flat = state.reshape(n, -1)  # a view
    for k in range(burn + keep):
        rng.random(dtype=np.float32, out=noise)
        for colour, (a, b) in enumerate(_spans(network)):
            odds = sums(colour, flat).reshape(b - a, *shape[1:])
            odds *= np.float32(-coupling)
            odds -= base[a:b]
            with np.errstate(over="ignore"):  # infinite odds against are a chance of zero
                np.exp(odds, out=odds)
            odds += np.float32(1.0)
            np.divide(np.float32(1.0), odds, out=chance[a:b])
            np.less(noise[a:b], chance[a:b], out=state[a:b], casting="unsafe")
        if k >= burn:
            yield state[:, :chains], chance[:, :chains]
