"""A short form of tests/soak/hostile.py: strangers' requests are refused, never fatal, and tell nothing."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest


@pytest.fixture(scope="module")
def hostile() -> ModuleType:
    path = Path(__file__).parents[1] / "soak" / "hostile.py"
    spec = importlib.util.spec_from_file_location("hostile", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_hostile_requests_are_refused_and_tell_nothing(
    client: httpx.Client, server: Any, hostile: ModuleType, song: str
) -> None:
    attacker = hostile.Attacker(client, 3, (str(server.data), str(server.data.parent)))
    report = attacker.run(150)
    assert report.wrong == []
    assert report.statuses[422] > 5 and report.statuses[404] > 5
    assert client.get("/healthz").status_code == 200
