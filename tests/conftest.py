"""One hypothesis profile for everyone: the same examples on every machine, and no clock."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci",
    derandomize=True,  # a red run must be red again
    database=None,
    deadline=None,  # shared cores: a slow example is no failure
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci")
