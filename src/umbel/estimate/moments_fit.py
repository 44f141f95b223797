"""Whether a model of classes fits: against every law of the cells, whatever the rows are.

Independence given the class survives any map of a view, so that a real outcome is tested in pieces.
Rows in clusters, and rows that weigh differently, have their likelihood ratio divided by its design
effect (Rao and Scott 1984).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from umbel.estimate.moments_data import ClassData
from umbel.estimate.moments_model import ClassFit, features_of, fit_classes, model_of
from umbel.expr.unmixing import Unmixing
from umbel.numerics.clustered_fit import MOST_CELLS, clustered_test
from umbel.numerics.latent_inference import parameters_of
from umbel.numerics.sparse_cells import SaturatedTest, saturated_test
from umbel.results.step import Refusal

Codes = NDArray[np.int64]


def fit_test(data: ClassData, unmixing: Unmixing, found: ClassFit, *, rng: np.random.Generator) -> SaturatedTest | None:
    """Likelihood ratio of the model against the saturated law; None where there are too many cells for the rows.

    The model is silent on what the class does not touch: strata are conditioned on.

    Parameters
    ----------
    data, unmixing, found
        The views, and the fit.
    rng
        Of the random starts of a fit to pieces of a real outcome.
    """
    if data.whole and unmixing.outcome in data.codes:
        return saturated_test(found.model, found.fit, parameters_of(found.model, found.fit))
    real = unmixing.outcome not in data.codes
    clusters = data.independent
    if clusters is None and not np.isclose(data.weights.sum(), data.rows):
        return None
    table = _table(_in_pieces(data, unmixing) if real else data, unmixing)
    if table is None:
        return None
    whole, cell = table
    if real:
        again = fit_classes(whole, unmixing, features_of(whole, unmixing), found.model.classes, rng=rng)
        if isinstance(again, Refusal):
            return None
        model, fit = again.model, again.fit
    else:
        made = model_of(whole, unmixing, found.model.classes)
        if isinstance(made, Refusal):
            return None
        model, fit = made[0], found.fit
    parameters = parameters_of(model, fit)
    if clusters is None:
        return saturated_test(model, fit, parameters)
    return clustered_test(model, fit, parameters, cell, clusters, data.weights)


def _in_pieces(data: ClassData, unmixing: Unmixing) -> ClassData:
    """A real outcome cut at its quartiles."""
    edges = np.unique(np.quantile(data.outcome, [0.25, 0.5, 0.75]))
    pieces = np.searchsorted(edges, data.outcome, side="right").astype(np.int64)
    states = {**data.states, unmixing.outcome: tuple(range(len(edges) + 1))}
    return replace(data, codes={**data.codes, unmixing.outcome: pieces}, states=states)


def _table(data: ClassData, unmixing: Unmixing) -> tuple[ClassData, Codes] | None:
    """All cells with their counts, and the cell of each row; None where cells are too many for a test."""
    sizes = [len(data.states[name]) for name in unmixing.views]
    cells = np.prod([float(size) for size in sizes])
    if cells > 0.5 * data.rows or (data.independent is not None and cells > MOST_CELLS):
        return None
    cell, size = data.joint(unmixing.views)
    index = np.indices(sizes).reshape(len(sizes), -1)
    codes = {name: index[i].astype(np.int64) for i, name in enumerate(unmixing.views)}
    weights = np.bincount(cell, data.weights, size).astype(np.float64)
    values = codes[unmixing.outcome].astype(np.float64)
    whole = replace(data, codes=codes, outcome=values, weights=weights, whole=True, clusters=None, counted=True)
    return whole, cell
