"""A short form of tests/soak/openapi.py: what the document promises is what the server does."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

Serve = Callable[..., "contextlib.AbstractContextManager[Any]"]


@pytest.fixture(scope="module")
def checks() -> ModuleType:
    path = Path(__file__).parents[1] / "soak" / "openapi.py"
    spec = importlib.util.spec_from_file_location("openapi_checks", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_type_of_job_has_an_example(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    body = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    kinds = {"generate", "mix", "interpolate", "extend", "repaint", "variations"}
    assert set(body["examples"]) == kinds
    named = [reference["$ref"].rpartition("/")[2] for reference in body["schema"]["oneOf"]]
    schemas = document["components"]["schemas"]
    assert {schemas[name]["properties"]["type"]["const"] for name in named} == kinds
    for kind, example in body["examples"].items():
        value = example["value"]
        if "duration" in value["request"]:
            value["request"]["duration"] = 0.64
        answer = client.post("/v1/jobs", json=value)
        # The song of an example is nobody's.
        wanted = 404 if "song" in value["request"] else 202
        assert answer.status_code == wanted, (kind, answer.text)


if sys.version_info >= (3, 11):  # schemathesis needs it

    @pytest.mark.long
    def test_the_server_keeps_what_its_document_promises(serve: Serve, checks: ModuleType, tmp_path: Path) -> None:
        more = {"SONGBLOOM_SERVER_REQUESTS_PER_MINUTE": "none", "SONGBLOOM_LIMITS_MAX_DURATION": "2"}
        with serve(tmp_path / "data", **more) as server:
            found = checks.run(server.url, examples=2, seed=1, phases="fuzzing", timeout=1200)
            assert found["rc"] == 0, found["output"]
            assert server.process.poll() is None
