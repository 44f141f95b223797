"""NUTS by NumPyro: the one place where umbel meets jax.

The extra is imported when a sampler runs and not before. Double precision is switched on for the
run alone, the chains run on the processor, and the key comes from the caller's generator: nothing
of jax's global configuration changes, and the same generator gives the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.errors import InputError, MissingExtra
from umbel.estimate.bayes_draws import Array, read_only
from umbel.estimate.estimator import Watch, unwatched

FEWEST_DRAWS = 8
"""Per chain: a half of it must still have a variance and an autocorrelation."""


@dataclass(frozen=True, slots=True)
class Nuts:
    """How long the No-U-Turn sampler runs.

    Parameters
    ----------
    chains
        Independent chains; several, so that they can disagree.
    draws
        Draws kept of each chain.
    warmup
        Draws of each chain that tune step and metric, and are thrown away.
    acceptance
        Acceptance rate that the step is tuned to; nearer to 1 means smaller steps.

    Raises
    ------
    InputError
        For a number outside its range.

    References
    ----------
    Hoffman and Gelman, JMLR 15, 2014; Phan, Pradhan and Jankowiak, arXiv 1912.11554.

    Examples
    --------
    >>> Nuts(chains=2).draws
    2500
    """

    chains: int = 4
    draws: int = 2500
    warmup: int = 1000
    acceptance: float = 0.9

    def __post_init__(self) -> None:
        for name, least in (("chains", 1), ("draws", FEWEST_DRAWS), ("warmup", 1)):
            if getattr(self, name) < least:
                raise InputError(f"Nuts: {name} is {getattr(self, name)}; it must be at least {least}.")
        if not 0.0 < self.acceptance < 1.0:
            raise InputError(f"Nuts: acceptance is {self.acceptance:g}; it must lie between 0 and 1.")


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """What a run leaves behind.

    Parameters
    ----------
    values
        Each named quantity of the model, shape (chains, draws, ...), read-only.
    diverging
        Shape (chains, draws).
    """

    values: Mapping[str, Array]
    diverging: NDArray[np.bool_]


def run_nuts(
    model: Callable[..., None],
    data: tuple[Array, ...],
    *,
    dense: tuple[str, ...],
    keep: tuple[str, ...],
    settings: Nuts,
    rng: np.random.Generator,
    watch: Watch = unwatched,
) -> Sampled:
    """Sample a NumPyro model.

    Warmup, draws and transformations are one compiled program, which every chain runs in turn:
    compiling takes seconds and happens once, where NumPyro's own loop over chains compiles each
    anew.

    Parameters
    ----------
    model
        A NumPyro model that takes ``data`` as its arguments and imports the extra itself.
    data
        Arrays, handed over in double precision.
    dense
        Sites that share a dense metric; all others get a diagonal one.
    keep
        Sites to return.
    settings
        Chains, draws, warmup, acceptance.
    rng
        One integer is drawn from it.
    watch
        Passes the chains through and may show how far they are.

    Raises
    ------
    MissingExtra
        When numpyro is not installed.
    """
    try:
        import jax
        from numpyro.infer import MCMC, NUTS
    except ModuleNotFoundError:
        raise MissingExtra("numpyro", "bayes") from None

    def chain(key: Any, arrays: tuple[Any, ...]) -> tuple[dict[str, Any], Any]:  # traced: jax's own arrays
        kernel = NUTS(model, dense_mass=[dense], target_accept_prob=settings.acceptance)
        run = MCMC(kernel, num_warmup=settings.warmup, num_samples=settings.draws, progress_bar=False)
        run.run(key, *arrays, extra_fields=("diverging",))
        samples = run.get_samples()
        return {name: samples[name] for name in keep}, run.get_extra_fields()["diverging"]

    seed = int(rng.integers(2**63))
    with _double_precision(), jax.default_device(jax.local_devices(backend="cpu")[0]):
        compiled = jax.jit(chain)
        keys = jax.random.split(jax.random.key(seed, impl="threefry2x32"), settings.chains)
        steps = watch(range(settings.chains), "sampling", settings.chains)
        chains = [jax.device_get(compiled(keys[step], data)) for step in steps]
    values = {name: read_only(np.stack([samples[name] for samples, _ in chains])) for name in keep}
    diverging = np.stack([np.asarray(flags, dtype=np.bool_) for _, flags in chains])
    diverging.flags.writeable = False
    return Sampled(values, diverging)


def _double_precision() -> Any:  # a context manager of jax, which has changed its home
    import jax

    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64

    return enable_x64()
