"""What holds for every test: properties are not timed, since the machines that check them are shared.

They try the same examples in every run, so that a change is judged by what it changes; `make search` tries
others, and more of them.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SHARED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", _SHARED, derandomize=True)
settings.register_profile("search", _SHARED, derandomize=False, max_examples=1000)
settings.load_profile(os.environ.get("PROPERTIES", "same"))
