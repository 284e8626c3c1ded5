"""The API's description is whole: whoever has only it can use every operation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from api.guard import SAFE_METHODS
from api.problems import MEDIA_TYPE

JSON = "application/json"


def operations(app: FastAPI) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, found in app.openapi()["paths"].items():
        for method, operation in found.items():
            yield path, method, operation


def test_every_operation_is_described(app: FastAPI) -> None:
    tags = {tag["name"]: tag["description"] for tag in app.openapi()["tags"]}
    names = []
    for path, method, operation in operations(app):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert operation["tags"], where
        assert set(operation["tags"]) <= tags.keys(), where
        names.append(operation["operationId"])
    assert len(names) == len(set(names))
    assert len(names) > 35


def test_every_answer_and_every_body_has_an_example(app: FastAPI) -> None:
    for path, method, operation in operations(app):
        contents = {
            f"{method} {path} {status}": answer.get("content", {})
            for status, answer in operation["responses"].items()
        }
        contents[f"{method} {path} body"] = operation.get("requestBody", {}).get("content", {})
        for where, content in contents.items():
            for kind, media in content.items():
                assert media["schema"], (where, kind)
                if kind != MEDIA_TYPE and not kind.startswith("image/"):
                    assert "example" in media or media.get("examples"), (where, kind)


def test_every_operation_says_what_may_go_wrong(app: FastAPI) -> None:
    problem = {"$ref": "#/components/schemas/ProblemDocument"}
    for path, method, operation in operations(app):
        where = f"{method} {path}"
        answers = operation["responses"]
        for status, answer in answers.items():
            assert answer["description"], (where, status)
            if int(status) >= 400 and not path.startswith("/health/"):
                assert answer["content"][MEDIA_TYPE]["schema"] == problem, (where, status)
        if path.startswith("/health/"):
            continue
        assert {"422", "429"} <= answers.keys(), where
        if method.upper() not in SAFE_METHODS and not path.startswith("/v1/auth/"):
            assert {"403", "409"} <= answers.keys(), where
            names = [one["name"].lower() for one in operation["parameters"]]
            assert names.count("idempotency-key") == 1, where
        if "requestBody" in operation:
            assert {"400", "408", "413", "415"} <= answers.keys(), where
        if "{" in path and method == "get" and not path.startswith("/v1/exports"):
            assert "404" in answers, where


def test_what_a_client_may_keep_is_said(app: FastAPI) -> None:
    for path, method, operation in operations(app):
        answer = operation["responses"].get("200", {})
        if method == "get" and JSON in answer.get("content", {}):
            assert "304" in operation["responses"], path
            assert answer["headers"]["ETag"]["schema"] == {"type": "string"}, path


@pytest.mark.parametrize(
    "name", ["EventRow", "DecisionRow", "AlertRow", "ActivityRow", "DeviceRow"]
)
def test_rows_of_exports_are_described(app: FastAPI, name: str) -> None:
    schemas = app.openapi()["components"]["schemas"]
    assert schemas[name]["properties"]["site_id"]


def test_every_reference_leads_somewhere(app: FastAPI) -> None:
    spec = app.openapi()
    schemas = spec["components"]["schemas"]

    def walk(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str):
                yield reference
            for inner in part.values():
                yield from walk(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from walk(inner)

    found = set(walk(spec))
    assert len(found) > 20
    assert {reference.removeprefix("#/components/schemas/") for reference in found} <= set(schemas)
