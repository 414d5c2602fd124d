"""docs/api.md is made from the OpenAPI document of today, and every operation shows an example of its JSON body."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("api_reference", ROOT / "scripts" / "api_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_that_of_today(script: ModuleType) -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert script.markdown(script.openapi_document()) == page, "run: python scripts/api_reference.py --write"


def test_every_operation_is_told_completely(script: ModuleType) -> None:
    document = script.openapi_document()
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["description"] and operation["operationId"], where
            assert any(status.startswith("2") for status in operation["responses"]), where
            if path.startswith("/v1/"):
                assert operation["security"] == [{"key": []}], where
                assert {"401", "429", "500"} <= set(operation["responses"]), where
            for content in operation.get("requestBody", {}).get("content", {}).values():
                _assert_examples(content, schemas, where)
            for status, answer in operation["responses"].items():
                for kind, content in answer.get("content", {}).items():
                    if kind in ("application/json", "application/problem+json", "text/event-stream"):
                        _assert_examples(content, schemas, f"{where} {status}")


def _assert_examples(content: dict[str, object], schemas: dict[str, dict[str, object]], where: str) -> None:
    """An example of its own, or examples at the members of the schema that it refers to."""
    schema = content.get("schema", {})
    assert isinstance(schema, dict)
    if "example" in content or "examples" in content or "encoding" in content:
        return
    properties = schemas[schema["$ref"].rpartition("/")[2]]["properties"]
    assert isinstance(properties, dict)
    assert any(field.get("examples") or "$ref" in str(field) for field in properties.values()), where
