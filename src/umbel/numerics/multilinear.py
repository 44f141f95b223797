"""Polynomials that are linear in each of several laws: values, slopes, and alternating programs.

A polynomial is a sum of terms; a term multiplies labelled tables, one per law, and sums the labels
out. It is contracted by variable elimination, never by listing both worlds' values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.numerics.polytope import Polytope
from umbel.numerics.tables import contract

Array = NDArray[np.float64]

FLAT = 1e-10
ROUNDS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """Probabilities of joint values, linear in one law.

    Parameters
    ----------
    law
        Which law.
    labels
        Names of the axes.
    table
        Shape (states of the law, states of labels…).
    """

    law: int
    labels: tuple[int, ...]
    table: Array


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Probabilities of joint values that the conditions determine; shape (states of labels…)."""

    labels: tuple[int, ...]
    table: Array


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """``weight`` times the product of the factors, summed over every label."""

    weight: float
    factors: tuple[Factor, ...]
    known: tuple[Known, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether it is a product of numbers, with no label to sum out."""
        return not self.known and not any(one.labels for one in self.factors)


@dataclass(frozen=True, slots=True, eq=False)
class Polynomial:
    """A sum of terms and a constant; each law occurs at most once in a term."""

    terms: tuple[Term, ...]
    constant: float = 0.0

    @property
    def laws(self) -> tuple[int, ...]:
        """The laws that it reads, ascending."""
        return tuple(sorted({factor.law for term in self.terms for factor in term.factors}))

    def gathered(self) -> Polynomial:
        """The same with the terms that read no law added to the constant."""
        plain = [term for term in self.terms if not term.factors]
        constant = self.constant
        for term in plain:
            constant += term.weight * float(contract([(one.table, one.labels) for one in term.known], []))
        return Polynomial(tuple(term for term in self.terms if term.factors), constant)


def value(polynomial: Polynomial, laws: Sequence[Array]) -> float:
    """The polynomial at given laws; each has shape (states,)."""
    found = polynomial.constant
    for term in polynomial.terms:
        if term.plain:
            found += term.weight * math.prod(float(laws[one.law] @ one.table) for one in term.factors)
            continue
        parts = [(np.tensordot(laws[one.law], one.table, 1), one.labels) for one in term.factors]
        parts += [(one.table, one.labels) for one in term.known]
        found += term.weight * float(contract(parts, []))
    return found


def slope(polynomial: Polynomial, laws: Sequence[Array], law: int, states: int) -> Array:
    """Derivative by one law, shape (states,): the polynomial is its inner product plus what lacks the law."""
    found = np.zeros(states)
    for term in polynomial.terms:
        own = [one for one in term.factors if one.law == law]
        if not own:
            continue
        if term.plain:
            others = math.prod(float(laws[one.law] @ one.table) for one in term.factors if one.law != law)
            found += term.weight * others * own[0].table
            continue
        parts = [(np.tensordot(laws[one.law], one.table, 1), one.labels) for one in term.factors if one.law != law]
        parts += [(one.table, one.labels) for one in term.known]
        (mine,) = own
        shape = mine.table.shape[1:]
        present = [label for label in mine.labels if any(label in labels for _, labels in parts)]
        rest = contract(parts, present) if parts else np.array(1.0)
        index = tuple(slice(None) if label in present else None for label in mine.labels)
        order = [present.index(label) for label in mine.labels if label in present]
        spread = np.broadcast_to(np.transpose(rest, order)[index], shape)
        found += term.weight * mine.table.reshape(states, -1) @ spread.reshape(-1)
    return found


def bilinear(polynomial: Polynomial, first: int, second: int, sizes: Sequence[int]) -> Array:
    """``Q`` of a polynomial ``x' Q y`` in two laws, shape (states of first, states of second).

    What reads one law alone, or none, is spread over the other, which sums to 1.
    """
    found = np.full((sizes[first], sizes[second]), polynomial.constant)
    for term in polynomial.terms:
        states = {first: -1, second: -2}
        parts: list[tuple[Array, Sequence[int]]] = [(one.table, (states[one.law], *one.labels)) for one in term.factors]
        parts += [(one.table, one.labels) for one in term.known]
        read = {one.law for one in term.factors}
        parts += [(np.ones(sizes[law]), (states[law],)) for law in (first, second) if law not in read]
        found += term.weight * contract(parts, [-1, -2])
    return found


def combined(*pieces: tuple[float, Polynomial]) -> Polynomial:
    """A linear combination of polynomials."""
    terms = tuple(
        Term(weight * term.weight, term.factors, term.known) for weight, one in pieces for term in one.terms if weight
    )
    return Polynomial(terms, sum(weight * one.constant for weight, one in pieces))


def settled(polynomial: Polynomial, polytopes: Sequence[Polytope], conditions: Sequence[Array]) -> Polynomial:
    """The same polynomial with every factor that the conditions determine as a number.

    Parameters
    ----------
    polynomial
        As asked.
    polytopes
        Of each law.
    conditions
        Per law, the rows of its equations, shape (conditions, states).
    """
    terms = []
    for term in polynomial.terms:
        factors: list[Factor] = []
        known = list(term.known)
        for factor in term.factors:
            fixed = _determined(factor, polytopes[factor.law], conditions[factor.law])
            if fixed is None:
                factors.append(factor)
            else:
                known.append(Known(factor.labels, fixed))
        terms.append(Term(term.weight, tuple(factors), tuple(known)))
    return Polynomial(tuple(terms), polynomial.constant).gathered()


def _determined(factor: Factor, laws: Polytope, rows: Array) -> Array | None:
    """The factor's table of numbers where every entry has one value; None at the first that has not."""
    states = factor.table.shape[0]
    entries = factor.table.reshape(states, -1).T  # (entries, states)
    distinct, owner = np.unique(entries, axis=0, return_inverse=True)
    some = laws.minimum(np.zeros(states)).point
    basis = np.vstack([np.ones((1, states)), rows])
    weights, *_ = np.linalg.lstsq(basis.T, distinct.T, rcond=None)
    spanned = np.abs(distinct.T - basis.T @ weights).max(axis=0) < FLAT * max(1, len(basis))
    for row in distinct[~spanned]:  # off the span, and yet fixed where the polytope is thin
        low = laws.minimum(row)
        if laws.maximum(row).value - low.value > 1e-8:
            return None
    numbers = distinct @ some
    return np.asarray(numbers[owner.reshape(-1)].reshape(factor.table.shape[1:]))


@dataclass(frozen=True, slots=True, eq=False)
class Attained:
    """A value with the laws that attain it."""

    value: float
    laws: tuple[Array, ...]


def descended(polynomial: Polynomial, polytopes: Sequence[Polytope], laws: Sequence[Array]) -> Attained:
    """Alternating linear programs from given laws down: each step solves one law exactly."""
    found = list(laws)
    best = value(polynomial, found)
    for _ in range(ROUNDS):
        before = best
        for law in polynomial.laws:
            direction = slope(polynomial, found, law, found[law].size)
            end = polytopes[law].minimum(direction)
            change = float(direction @ (end.point - found[law]))
            if change < 0:
                found[law] = end.point
                best += change
        if before - best < 1e-10:
            break
    return Attained(value(polynomial, found), tuple(found))


def alternating(
    polynomial: Polynomial,
    polytopes: Sequence[Polytope],
    sizes: Sequence[int],
    *,
    starts: int,
    rng: np.random.Generator,
) -> Attained:
    """The least value that alternating programs reach from random vertices; attained, never certified.

    Parameters
    ----------
    polynomial, polytopes
        What to make small, over which laws.
    sizes
        States of each law.
    starts
        Number of random vertices.
    rng
        Their source.
    """
    best: Attained | None = None
    for _ in range(max(starts, 1) if len(polynomial.laws) > 1 else 1):
        laws = [one.minimum(rng.standard_normal(size)).point for one, size in zip(polytopes, sizes, strict=True)]
        found = descended(polynomial, polytopes, laws)
        if best is None or found.value < best.value:
            best = found
    assert best is not None
    return best
