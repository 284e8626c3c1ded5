"""OpenAPI from the structs that are sent: declared at the route, generated from the type.

Answers are msgspec structs, encoded once and sent as they are; no second model describes them.
`answers` makes a route's `responses`, and `schema` adds the structs' JSON Schemas (draft 2020-12,
which is what OpenAPI 3.1 takes) to the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi

from api.problems import MEDIA_TYPE, Problem, ProblemDocument

__all__ = ["answers", "form_body", "install", "reply", "request_body"]

REF: Final = "#/components/schemas/{name}"
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

PLACE: Final = "watchfloor-example"

_types: list[Any] = [ProblemDocument]
_examples: list[Any] = []


def _later(example: Any) -> dict[str, int]:
    """A place for an example: FastAPI leaves nulls out of what it is given."""
    _examples.append(msgspec.json.decode(msgspec.json.encode(example)))
    return {PLACE: len(_examples) - 1}


def _with_examples(part: Any) -> Any:
    if isinstance(part, dict):
        if PLACE in part:
            return _examples[part[PLACE]]
        return {name: _with_examples(inner) for name, inner in part.items()}
    if isinstance(part, list | tuple):
        return [_with_examples(inner) for inner in part]
    return part


def reply(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A struct as a response."""
    return Response(
        msgspec.json.encode(value),
        status_code=status,
        media_type=JSON,
        headers=dict(headers or {}),
    )


def _reference(kind: Any) -> dict[str, Any]:
    if kind not in _types:
        _types.append(kind)
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REF)
    return schema


def answers(
    kind: Any,
    description: str,
    *,
    example: Any = None,
    status: int = 200,
    more: Mapping[int | str, dict[str, Any]] | None = None,
    problems: tuple[type[Problem], ...] = (),
) -> dict[int | str, dict[str, Any]]:
    """A route's `responses`: the struct that it answers with, an example, and its problems.

    kind None: the answer has no body.
    """
    found: dict[int | str, dict[str, Any]] = {status: {"description": description}}
    if kind is not None:
        content: dict[str, Any] = {"schema": _reference(kind)}
        if example is not None:
            content["example"] = _later(example)
        found[status]["content"] = {JSON: content}
    found.update(more or {})
    for problem in problems:
        entry = found.setdefault(
            problem.status,
            {
                "description": "",
                "content": {MEDIA_TYPE: {"schema": _reference(ProblemDocument)}},
            },
        )
        entry["description"] = "; ".join(filter(None, (entry["description"], problem.title)))
    return found


def request_body(kind: Any, *, examples: Mapping[str, Any]) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its body itself."""
    return _body(JSON, kind, examples)


def form_body(kind: Any, *, examples: Mapping[str, Any]) -> dict[str, Any]:
    """The same where the body is a form."""
    return _body(FORM, kind, examples)


def _body(media_type: str, kind: Any, examples: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {
                media_type: {
                    "schema": _reference(kind),
                    "examples": {
                        name: {"value": _later(value)} for name, value in examples.items()
                    },
                }
            },
        }
    }


def install(app: FastAPI) -> None:
    """Make `app` serve OpenAPI 3.1 with the structs' schemas."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            spec = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
            )
            _, components = msgspec.json.schema_components(_types, ref_template=REF)
            schemas = spec.setdefault("components", {}).setdefault("schemas", {})
            # FastAPI describes its own validation error, which nobody gets here.
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            schemas.update(components)
            _use_problems(spec)
            app.openapi_schema = _with_examples(spec)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _use_problems(spec: dict[str, Any]) -> None:
    problem = {"content": {MEDIA_TYPE: {"schema": _reference(ProblemDocument)}}}
    for path in spec.get("paths", {}).values():
        for operation in path.values():
            responses = operation.get("responses", {})
            if "422" in responses and JSON in responses["422"].get("content", {}):
                responses["422"] = {"description": "Some fields are not right", **problem}
