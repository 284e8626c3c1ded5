"""OpenAPI from the structs that are sent: declared at the route, generated from the type.

Answers are msgspec structs, encoded once and sent as they are; no second model describes them.
`answers` makes a route's `responses`, and `schema` adds the structs' JSON Schemas (draft 2020-12,
which is what OpenAPI 3.1 takes) to the document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi

from api.problems import (
    MEDIA_TYPE,
    BodyTimeout,
    BodyTooLarge,
    KeyInProgress,
    KeyReused,
    Problem,
    ProblemDocument,
    TooManyRequests,
)

__all__ = ["answers", "described", "install", "reply", "request_body", "with_problems"]

REF: Final = "#/components/schemas/{name}"
JSON: Final = "application/json"

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
    """A route's `responses`: the struct that it answers with, an example, and its problems."""
    content: dict[str, Any] = {"schema": _reference(kind)}
    if example is not None:
        content["example"] = _later(example)
    found: dict[int | str, dict[str, Any]] = {
        status: {"description": description, "content": {JSON: content}}
    }
    found.update(more or {})
    return with_problems(found, *problems)


def with_problems(
    responses: Mapping[int | str, dict[str, Any]], *problems: type[Problem]
) -> dict[int | str, dict[str, Any]]:
    """Responses, and the problems that may come instead."""
    found = dict(responses)
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


def described(kinds: Iterable[Any]) -> dict[str, Any]:
    """The schema of what is one of several structs."""
    return {"anyOf": [_reference(kind) for kind in kinds]}


def request_body(kind: Any, *, examples: Mapping[str, Any]) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its body itself."""
    return {
        "requestBody": {
            "required": True,
            "content": {
                JSON: {
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
            _everywhere(spec)
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


IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": "The same key with the same body has the first answer again, for a day; with "
    "another body it is refused",
    "example": "6f1c2f0a-0b1e-4a55-9d1c-2a9a3f1f7c10",
}
UNCOUNTED: Final = "/health/"
UNKEYED: Final = "/v1/auth/"
WRITES: Final = frozenset({"post", "put", "patch", "delete"})


def _everywhere(spec: dict[str, Any]) -> None:
    """What holds for every operation, because it stands in front of them all."""
    for path, operations in spec.get("paths", {}).items():
        for method, operation in operations.items():
            if not path.startswith(UNCOUNTED):
                _add(operation, TooManyRequests)
            if method not in WRITES or path.startswith(UNKEYED):
                continue
            parameters = operation.setdefault("parameters", [])
            known = [one for one in parameters if one["name"] == IDEMPOTENCY_KEY["name"]]
            for one in known:
                parameters.remove(one)
            parameters.append(IDEMPOTENCY_KEY)
            for problem in (KeyInProgress, KeyReused, BodyTimeout, BodyTooLarge):
                _add(operation, problem)


def _add(operation: dict[str, Any], problem: type[Problem]) -> None:
    """One more problem that an operation may answer with."""
    found = operation.setdefault("responses", {}).setdefault(
        str(problem.status),
        {"description": "", "content": {MEDIA_TYPE: {"schema": _reference(ProblemDocument)}}},
    )
    if problem.title not in found["description"]:
        found["description"] = "; ".join(filter(None, (found["description"], problem.title)))
