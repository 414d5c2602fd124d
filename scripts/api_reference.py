"""The HTTP API as a page: docs/api.md, from the OpenAPI document that the server itself gives.

python scripts/api_reference.py            print it
python scripts/api_reference.py --write    write it
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

PAGE = ROOT / "docs" / "api.md"
HEAD = """\
# The HTTP API

This page is made from the OpenAPI document by `python scripts/api_reference.py --write`. A running server gives one
with its own limits at `/openapi.json`. How to run a server, keys and examples: [server.md](server.md).

"""


def openapi_document() -> dict[str, Any]:
    """The document of a server with default settings that has keys."""
    from songbloom_x2.api.app import create_app
    from songbloom_x2.api.openapi import document
    from songbloom_x2.config import ServerConfig
    from songbloom_x2.jobs.plan import ServicePlan
    from songbloom_x2.jobs.service import JobService

    with tempfile.TemporaryDirectory() as folder:
        service = JobService(ServicePlan.at(Path(folder)))
        service.start(workers=False)
        try:
            app = create_app(service, ServerConfig())
            document(app, service.limits, service.models()[0], keyed=True)
            return app.openapi()
        finally:
            service.stop()


def markdown(document: dict[str, Any]) -> str:
    """The page."""
    parts = [HEAD, document["info"]["description"].strip(), ""]
    for tag in document["tags"]:
        parts += [f"## {tag['name']}", "", f"{tag['description']}.", ""]
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation.get("tags", ()):
                    parts += _operation(method.upper(), path, operation)
    parts += ["## Bodies", ""]
    for name, schema in sorted(document["components"]["schemas"].items()):
        parts += _schema(name, schema)
    return "\n".join(parts).rstrip() + "\n"


def _operation(method: str, path: str, operation: dict[str, Any]) -> list[str]:
    lines = [f"### {method} {path}", "", operation.get("description", "").strip(), ""]
    parameters = operation.get("parameters", ())
    if parameters:
        lines += ["| parameter | in | what for | values |", "| --- | --- | --- | --- |"]
        for item in parameters:
            told = item.get("description") or item["schema"].get("description", "")
            needed = "" if item.get("required") else " (may be left out)"
            lines.append(_row(f"`{item['name']}`", item["in"], told + needed, _kind(item["schema"])))
        lines.append("")
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        lines += [f"Body, `{kind}`: {_kind(content.get('schema', {}))}", ""]
        examples = [content["example"]] if "example" in content else []
        examples += [example["value"] for example in content.get("examples", {}).values()]
        for example in examples:
            lines += ["```json", json.dumps(example, indent=2, ensure_ascii=False), "```", ""]
    lines += ["| status | what it means | body |", "| --- | --- | --- |"]
    for status, answer in sorted(operation["responses"].items()):
        bodies = ", ".join(f"`{kind}`" for kind in answer.get("content", {}))
        lines.append(_row(status, answer.get("description", ""), bodies))
    return [*lines, ""]


def _schema(name: str, schema: dict[str, Any]) -> list[str]:
    lines = [f"### {name}", "", schema.get("description", "").strip(), ""]
    needed = schema.get("required", ())
    lines += ["| member | values | needed | what for |", "| --- | --- | --- | --- |"]
    for member, field in schema.get("properties", {}).items():
        told = field.get("description", "")
        if field.get("examples"):
            told += f" Example: `{json.dumps(field['examples'][0], ensure_ascii=False)}`"
        lines.append(_row(f"`{member}`", _kind(field), "yes" if member in needed else "no", told.strip()))
    return [*lines, ""]


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema or "oneOf" in schema:
        return " or ".join(_kind(option) for option in schema.get("anyOf", schema.get("oneOf")))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("format") == "binary":
        return "bytes"
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if kind == "object" and "properties" in schema:
        return "; ".join(f"`{name}`: {_kind(field)}" for name, field in schema["properties"].items())
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    length = schema.get("maxLength")
    told = kind
    if low is not None:
        told += f" from {low:g}"
    if high is not None:
        told += f" to {high}"
    return told if length is None else f"{told} of at most {length} characters"


def _row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


if __name__ == "__main__":
    page = markdown(openapi_document())
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page, encoding="utf-8")
    else:
        print(page, end="")
