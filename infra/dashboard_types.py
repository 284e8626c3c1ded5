"""The dashboard's types of what the API takes and answers, made from its OpenAPI document.

    python -m infra.dashboard_types   # writes api/dashboard/src/api/openapi.ts

The file's first lines say from what it was made and what it is, so that a test finds one that is
out of date, or that somebody changed by hand, without Node.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from infra.dashboard import FOLDER, Node, find_node
from infra.errors import MachineError

__all__ = ["FILE", "check", "shapes", "write"]

FILE: Final = FOLDER / "src" / "api" / "openapi.ts"
GENERATOR: Final = FOLDER / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
LIMIT_S: Final = 120.0
KEPT: Final = frozenset(
    {
        "$ref",
        "additionalProperties",
        "allOf",
        "anyOf",
        "const",
        "default",
        "enum",
        "items",
        "maxItems",
        "minItems",
        "oneOf",
        "prefixItems",
        "required",
        "type",
    }
)
"""What of a schema a type is made of: words about it may change without the file being stale."""


def shapes() -> dict[str, Any]:
    """The shapes of the API's OpenAPI document, as a document of its own."""
    from api.main import create_app
    from infra.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        # Nothing is started, and nothing connects.
        settings = Settings(
            state_dir=Path(folder),
            kafka_url="127.0.0.1:1",
            postgres_url="postgresql://nobody@127.0.0.1:1/nothing",
        )
        found = create_app(settings).openapi()["components"]["schemas"]
    schemas = {name: _bare(found[name]) for name in sorted(found)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Watchfloor", "version": "1"},
        "paths": {},
        "components": {"schemas": schemas},
    }


def _bare(part: Any) -> Any:
    """A schema without what no type is made of. Names of properties are no words of a schema."""
    if isinstance(part, list):
        return [_bare(one) for one in part]
    if not isinstance(part, dict):
        return part
    bare: dict[str, Any] = {}
    for name, value in part.items():
        if name == "properties":
            bare[name] = {key: _bare(one) for key, one in value.items()}
        elif name in {"const", "default", "enum", "required"}:
            bare[name] = value
        elif name in KEPT:
            bare[name] = _bare(value)
    return bare


def check(document: dict[str, Any], text: str) -> str | None:
    """What is wrong with the file, or None where it was made from that document as it is."""
    head, _, body = text.partition("\n\n")
    told = dict(line.removeprefix("// ").split(": ", 1) for line in head.splitlines()[1:])
    if told.get("types") != _digest(body):
        return f"{FILE.name} was changed by hand; python -m infra.dashboard_types makes it anew"
    if told.get("shapes") != _digest(_text(document)):
        return f"{FILE.name} is older than the API; python -m infra.dashboard_types makes it anew"
    return None


def write(node: Node, document: dict[str, Any]) -> None:
    """Write the file. Raises MachineError where the generator is not installed, or fails."""
    if not GENERATOR.exists():
        raise MachineError("openapi-typescript is not installed: npm ci in api/dashboard")
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "openapi.json", Path(folder) / "openapi.ts"
        given.write_text(_text(document), encoding="utf-8")
        options = ["--root-types", "--root-types-no-schema-prefix", "--array-length"]
        options += ["--empty-objects-unknown"]
        done = subprocess.run(
            [str(node.folder / "node"), str(GENERATOR), str(given), "-o", str(made), *options],
            cwd=FOLDER,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        if done.returncode:
            raise MachineError(f"openapi-typescript: {(done.stderr or done.stdout)[-1000:]}")
        body = made.read_text(encoding="utf-8")
    head = (
        "// Made by `python -m infra.dashboard_types` from the API's OpenAPI document.",
        f"// shapes: {_digest(_text(document))}",
        f"// types: {_digest(body)}",
    )
    FILE.write_text("\n".join(head) + "\n\n" + body, encoding="utf-8")


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, sort_keys=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    from infra.settings import load

    write(find_node(load().cache_dir, print), shapes())
