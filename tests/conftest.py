"""One hypothesis profile for everyone: the same examples on every machine, and no clock; and how long to fuzz."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# Before numpy loads: on busy cores two threads wait for each other a hundred times longer than one works.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

settings.register_profile(
    "ci",
    derandomize=True,  # a red run must be red again
    database=None,
    deadline=None,  # shared cores: a slow example is no failure
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--draws", type=int, default=5_000, help="texts that each fuzz test of a language draws")


@pytest.fixture
def draws(request: pytest.FixtureRequest) -> int:
    """How many texts a fuzz test draws: ``pytest --draws 100000`` before a release."""
    return int(request.config.getoption("--draws"))
