from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.kube.scripted import ScriptedApi, serving


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with serving() as api:
        yield api
