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
from fastapi.routing import APIRoute

from api.account.doors import doors_of
from api.account.identity import ACCESS_COOKIE
from api.problems import (
    MEDIA_TYPE,
    AnswerNotKept,
    BodyTimeout,
    BodyTooDeep,
    BodyTooLarge,
    CrossOrigin,
    Invalid,
    KeyInProgress,
    KeyReused,
    MalformedBody,
    MissingScope,
    Problem,
    ProblemDocument,
    TooManyRequests,
    Unauthenticated,
    UnsupportedMediaType,
)

__all__ = [
    "answers",
    "declared",
    "described",
    "form_body",
    "install",
    "operation_id",
    "reply",
    "request_body",
    "with_problems",
]

REF: Final = "#/components/schemas/{name}"
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

PLACE: Final = "watchfloor-example"

TAGS: Final = [
    {"name": name, "description": text}
    for name, text in (
        ("sign-in", "Signing in and out, single sign-on, and the keys of access tokens"),
        ("me", "One's own name, password, second factor, sessions, and browsers that are told"),
        ("users", "People, their roles and sites, and their sessions"),
        ("tokens", "Service tokens"),
        ("audit", "What was done to users, tokens and keys, and by whom"),
        ("sites", "Sites, as their documents have them"),
        ("cameras", "Cameras, and whether they deliver frames"),
        ("devices", "Recorders, cameras and services: health, history, uptime"),
        ("discovery", "Devices on the network"),
        ("onboarding", "Taking cameras and recorders on"),
        ("zones", "Zones and their policies"),
        ("events", "What happened, and what was decided about it"),
        ("alerts", "The queue, and what analysts ask of it"),
        ("notifications", "Telling people"),
        ("backtests", "Another document, tried on what was recorded"),
        ("documents", "What is configured, by revision: checked, saved, and gone back to"),
        ("places", "Where cameras and devices are, and the pictures of plans"),
        ("timeline", "What happened when, by camera and site"),
        ("reports", "What a shift had to do, and how well"),
        ("exports", "Everything of a kind, in bulk"),
        ("health", "Whether this server and the pipeline do their work"),
        ("problems", "What errors mean"),
    )
]
IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 200,
        "pattern": "^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$",
    },
    "description": "The same key with the same body has the first answer again, for a day; with "
    "another body it is refused",
    "example": "6f1c2f0a-0b1e-4a55-9d1c-2a9a3f1f7c10",
}
KEY_NAME: Final = "idempotency-key"
ETAG: Final = {
    "description": "Of the content: send it as If-None-Match, and have 304 while it still holds",
    "schema": {"type": "string"},
}
UNCOUNTED: Final = "/health/"
UNKEYED: Final = "/v1/auth/"
WRITES: Final = frozenset({"post", "put", "patch", "delete"})
BODIES: Final = (MalformedBody, BodyTooDeep, BodyTooLarge, BodyTimeout, UnsupportedMediaType)
KEYED: Final = (KeyInProgress, AnswerNotKept, KeyReused)

_types: list[Any] = [ProblemDocument]
_examples: list[Any] = []
_declared: dict[str, dict[str, Any]] = {}


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


def declared(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that no struct has, under a name, for `answers`: such as a union without a tag."""
    _declared[name] = schema
    return {"$ref": REF.format(name=name)}


def _reference(kind: Any) -> dict[str, Any]:
    if isinstance(kind, dict):
        return kind
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
    """The schema of what is one of several structs, or schemas."""
    return {"anyOf": [_reference(kind) for kind in kinds]}


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
                tags=TAGS,
            )
            _, components = msgspec.json.schema_components(_types, ref_template=REF)
            schemas = spec.setdefault("components", {}).setdefault("schemas", {})
            # FastAPI describes its own validation error, which nobody gets here.
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            schemas.update(_uniform(components))
            schemas.update(_declared)
            _everywhere(spec)
            _use_scopes(spec, app)
            app.openapi_schema = _with_examples(spec)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _uniform(part: Any) -> Any:
    """Tuples as arrays of so many: generators of clients know no `prefixItems`."""
    if isinstance(part, list):
        return [_uniform(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    found = {name: _uniform(inner) for name, inner in part.items()}
    if all(isinstance(one, bool) for one in found.get("enum", [None])):
        # They know no enumeration of booleans either.
        del found["enum"]
        found["type"] = "boolean"
    if found.get("items") is False:
        kinds: list[Any] = []
        for kind in found.pop("prefixItems", ()):
            if kind not in kinds:
                kinds.append(kind)
        found["items"] = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return found


def operation_id(route: APIRoute) -> str:
    """What a generated client calls an operation: `alerts_by_id`."""
    tag = str(route.tags[0]) if route.tags else "pages"
    return f"{tag.replace('-', '_')}_{route.name.strip('_')}"


def _everywhere(spec: dict[str, Any]) -> None:
    """What holds for every operation, because it stands in front of them all."""
    for path, operations in spec.get("paths", {}).items():
        for method, operation in operations.items():
            responses = operation.setdefault("responses", {})
            if JSON in responses.get("422", {}).get("content", {}):
                # FastAPI's own description of what is a problem document here.
                del responses["422"]
            if not path.startswith(UNCOUNTED):
                # A parameter that a route does not have is refused, also where it has none.
                _add(operation, Invalid)
            if method == "get" and JSON in responses.get("200", {}).get("content", {}):
                responses["200"].setdefault("headers", {})["ETag"] = ETAG
                responses.setdefault("304", {"description": "The client has it (If-None-Match)"})
            if not path.startswith(UNCOUNTED):
                _add(operation, TooManyRequests)
            if "requestBody" in operation:
                for problem in BODIES:
                    _add(operation, problem)
            if method in WRITES:
                _add(operation, CrossOrigin)
            if method in WRITES and not path.startswith(UNKEYED):
                parameters = operation.setdefault("parameters", [])
                # A route that takes its key itself has it in small letters.
                parameters[:] = [one for one in parameters if one["name"].lower() != KEY_NAME]
                parameters.append(IDEMPOTENCY_KEY)
                for refusal in KEYED:
                    _add(operation, refusal)


def _add(operation: dict[str, Any], problem: type[Problem]) -> None:
    """One more problem that an operation may answer with."""
    found = operation["responses"].setdefault(str(problem.status), {"description": ""})
    content = found.setdefault("content", {})
    content.setdefault(MEDIA_TYPE, {"schema": _reference(ProblemDocument)})
    if problem.title not in found["description"]:
        found["description"] = "; ".join(filter(None, (found["description"], problem.title)))


SCHEMES: Final[Mapping[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of `POST /v1/auth/token`, or a service token",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": ACCESS_COOKIE,
        "description": "The same in a page that signed in with `cookies=true`",
    },
}


def _use_scopes(spec: dict[str, Any], app: FastAPI) -> None:
    """Say of each address which scope it takes, and what one is told without."""
    spec.setdefault("components", {})["securitySchemes"] = dict(SCHEMES)
    for door in doors_of(app):
        operation = spec.get("paths", {}).get(door.path, {}).get(door.method.lower())
        if operation is None or not door.known:
            continue
        # OpenAPI 3.1: roles may be listed for schemes other than OAuth2's.
        operation["security"] = [{name: list(door.scopes)} for name in SCHEMES]
        refusals = (Unauthenticated, MissingScope) if door.scopes else (Unauthenticated,)
        for kind in refusals:
            _add(operation, kind)
