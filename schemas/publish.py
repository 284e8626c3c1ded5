"""JSON Schema of every message, one file a version, under `schemas/published/`.

A version that is in a release is frozen: `released.json` keeps its sha256, and from then on a
change needs the next version. Until then `python -m schemas.publish` may write it again.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from schemas.base import Message
from schemas.compat import incompatibilities
from schemas.registry import MESSAGES, split_version

__all__ = ["PUBLISHED", "check", "json_schema", "load", "portable", "publish", "release"]

PUBLISHED: Final = Path(__file__).parent / "published"
RELEASED: Final = "released.json"
BASE: Final = "urn:watchfloor:schema:"
"""`$id` must be a URI; a URN names the schema and promises no server."""


def json_schema(message: type[Message]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a message, stand-alone."""
    # Through JSON once: defaults are tuples in Python, and a file has lists.
    schema: dict[str, Any] = json.loads(msgspec.json.encode(msgspec.json.schema(message)))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{BASE}{message.SCHEMA}",
        **portable(schema),
    }


def portable(node: Any) -> Any:
    """A schema for readers in any language.

    Descriptions are docstrings: without the indentation of the source. Patterns are ECMA's there,
    whose `$` is the end and nothing else, and Go's and Rust's validators know no look-ahead.
    """
    if isinstance(node, Mapping):
        found = {key: portable(child) for key, child in node.items()}
        if isinstance(found.get("description"), str):
            found["description"] = inspect.cleandoc(found["description"])
        if isinstance(found.get("pattern"), str):
            found["pattern"] = found["pattern"].replace("$(?!\\n)", "$")
        return found
    if isinstance(node, list | tuple):
        return [portable(child) for child in node]
    return node


def load(folder: Path = PUBLISHED) -> dict[str, dict[str, Any]]:
    """The published schemas by name, `event.v1` and so on."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.v*.json")):
        split_version(path.stem)
        found[path.stem] = json.loads(path.read_text("utf-8"))
    return found


def check(
    folder: Path = PUBLISHED, messages: Mapping[str, type[Message]] | None = None
) -> list[str]:
    """What is wrong with the published schemas, a sentence each; an empty list means nothing.

    A message is checked against its own file (they must be equal) and against every earlier
    version (backward-transitive); a released file must be as it was when it was released.
    """
    messages = MESSAGES if messages is None else messages
    published = load(folder)
    problems: list[str] = []
    for name, sha in _released(folder).items():
        if name not in published:
            problems.append(f"{name} was released, and its file is gone")
        elif _sha(folder, name) != sha:
            problems.append(f"{name} was released, and its file changed; make the next version")
    for name, message in messages.items():
        schema = json_schema(message)
        if name not in published:
            problems.append(f"{name} is not published; run python -m schemas.publish")
        elif published[name] != schema:
            problems.append(
                f"{message.__name__} and schemas/published/{name}.json differ: "
                + "; ".join(incompatibilities(published[name], schema) or ["a compatible change"])
                + ". Make the next version, or run python -m schemas.publish before a release"
            )
        noun, version = split_version(name)
        for other, old in published.items():
            if split_version(other)[0] == noun and split_version(other)[1] < version:
                problems += [
                    f"{name} cannot read {other}: {reason}"
                    for reason in incompatibilities(old, schema)
                ]
    return problems


def publish(
    folder: Path = PUBLISHED, messages: Mapping[str, type[Message]] | None = None
) -> list[str]:
    """Write the schemas of versions that are not released; returns the names that changed.

    Raises ValueError where a released version would have to change.
    """
    folder.mkdir(parents=True, exist_ok=True)
    released = _released(folder)
    changed: list[str] = []
    for name, message in (MESSAGES if messages is None else messages).items():
        path = folder / f"{name}.json"
        text = json.dumps(json_schema(message), indent=2, ensure_ascii=False) + "\n"
        if path.exists() and path.read_text("utf-8") == text:
            continue
        if name in released:
            raise ValueError(f"{name} is released; a change of {message.__name__} needs a version")
        path.write_text(text, "utf-8")
        changed.append(name)
    return changed


def release(folder: Path = PUBLISHED) -> list[str]:
    """Freeze every published version; returns the names that were not frozen before."""
    released = _released(folder)
    new = [name for name in load(folder) if name not in released]
    released.update({name: _sha(folder, name) for name in new})
    text = json.dumps(dict(sorted(released.items())), indent=2) + "\n"
    (folder / RELEASED).write_text(text, "utf-8")
    return new


def _released(folder: Path) -> dict[str, str]:
    path = folder / RELEASED
    if not path.exists():
        return {}
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found


def _sha(folder: Path, name: str) -> str:
    return hashlib.sha256((folder / f"{name}.json").read_bytes()).hexdigest()


def main(arguments: list[str]) -> int:
    """`python -m schemas.publish [check|release]`; 1 where the check found something."""
    if arguments == ["check"]:
        problems = check()
        sys.stdout.write("".join(f"{problem}\n" for problem in problems))
        return 1 if problems else 0
    names = release() if arguments == ["release"] else publish()
    sys.stdout.write("".join(f"{name}\n" for name in names))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
