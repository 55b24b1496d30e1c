"""Hypothesis profiles: few examples for local work, many and reproducible ones for CI."""

import os

from hypothesis import HealthCheck, settings

# The machine decides how long an example takes, so no example has a deadline.
settings.register_profile("local", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "ci",
    max_examples=300,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "local"))
