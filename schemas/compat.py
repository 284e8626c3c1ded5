"""Whether readers of a new schema can read everything that was written with an old one.

Judged as our readers read: unknown fields are ignored unless the schema forbids them, and a field
that equals its default may have been left out by the writer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

__all__ = ["incompatibilities"]

Schema = Mapping[str, Any]

ANNOTATIONS: Final = frozenset(
    {"$schema", "$id", "$defs", "$comment", "title", "description", "examples", "default"}
)
JUDGED: Final = frozenset(
    {
        "$ref",
        "additionalProperties",
        "anyOf",
        "const",
        "contentEncoding",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "pattern",
        "prefixItems",
        "properties",
        "propertyNames",
        "required",
        "type",
    }
)
LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
EXACT: Final = ("pattern", "format", "contentEncoding")
MISSING: Final = object()


def incompatibilities(old: Schema, new: Schema) -> list[str]:
    """What a reader of `new` could not read, or would read as something else, of `old` records.

    Both are JSON Schemas as `schemas.publish` writes them. Each entry starts with the path of the
    field; an empty list means backward compatible. A keyword that is not understood here is an
    entry as well: silence would be a promise.
    """
    return _Comparison(old, new).run()


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old_root, self._new_root = old, new
        self._open: set[tuple[int, int]] = set()

    def run(self) -> list[str]:
        return list(dict.fromkeys(self._compare(self._old_root, self._new_root, "")))

    def _compare(self, old: Schema, new: Schema, path: str) -> Iterable[str]:
        # A pair that is being compared already is a recursive type: it is judged where it began.
        pair = (id(old), id(new))
        if pair in self._open:
            return []
        self._open.add(pair)
        try:
            return self._judge(_resolve(old, self._old_root), _resolve(new, self._new_root), path)
        finally:
            self._open.discard(pair)

    def _judge(self, old: Schema, new: Schema, path: str) -> list[str]:
        at = path or "the message"
        strange = sorted((set(old) | set(new)) - ANNOTATIONS - JUDGED)
        if strange:
            return [f"{at}: cannot judge the keyword {', '.join(strange)}"]
        olds, news = self._choices(old, self._old_root), self._choices(new, self._new_root)
        if len(olds) == 1 and len(news) == 1:
            return self._simple(olds[0], news[0], path)
        found: list[str] = []
        for choice in olds:
            reasons = [self._simple(choice, other, path) for other in news]
            if all(reasons):
                # The nearest choice explains best: the one with the same type, or the only one.
                near = [r for r, other in zip(reasons, news, strict=True) if _same(choice, other)]
                found += near[0] if near else [f"{at}: {_name(choice)} is no longer taken"]
        return found

    def _choices(self, schema: Schema, root: Schema) -> list[Schema]:
        """The alternatives of a schema, one type each, references followed."""
        schema = _resolve(schema, root)
        if "anyOf" in schema:
            return [c for part in schema["anyOf"] for c in self._choices(part, root)]
        if isinstance(schema.get("type"), list):
            return [{**schema, "type": kind} for kind in schema["type"]]
        return [schema]

    def _simple(self, old: Schema, new: Schema, path: str) -> list[str]:
        """Compare two schemas of one type each."""
        at = path or "the message"
        was, now = old.get("type"), new.get("type")
        if (
            now is not None
            and was != now
            and (was, now) != ("integer", "number")
            and not ("enum" in old and was is None)
        ):
            return [f"{at}: was {_name(old)}, is {_name(new)}"]
        found = _values(old, new, at) + _bounds(old, new, at)
        if "properties" in old or "properties" in new or "additionalProperties" in new:
            found += self._object(old, new, path)
        found += self._array(old, new, path)
        if "propertyNames" in new and old.get("propertyNames") != new["propertyNames"]:
            found.append(f"{at}: the rule for its keys changed")
        return found

    def _object(self, old: Schema, new: Schema, path: str) -> list[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        rest_old, rest_new = old.get("additionalProperties"), new.get("additionalProperties")
        required = set(new.get("required", ()))
        surely = set(old.get("required", ()))
        found: list[str] = []
        for name, schema in after.items():
            here = f"{path}.{name}" if path else name
            if name not in before:
                if name in required:
                    found.append(f"{here}: is new and required; give it a default")
                continue
            if name in required and name not in surely:
                found.append(f"{here}: was optional, is required")
            found += self._compare(before[name], schema, here)
            was, now = before[name].get("default", MISSING), schema.get("default", MISSING)
            if was is not MISSING and was != now and name not in required:
                found.append(
                    f"{here}: its default changed; records that left it out would change meaning"
                )
        gone = [name for name in before if name not in after]
        for name in gone:
            here = f"{path}.{name}" if path else name
            if rest_new is False:
                found.append(f"{here}: was removed, and unknown fields are refused here")
            elif isinstance(rest_new, Mapping):
                found += self._compare(before[name], rest_new, here)
        if rest_new is False and not before and isinstance(rest_old, Mapping):
            found.append(f"{path or 'the message'}: free keys are refused now")
        if isinstance(rest_new, Mapping):
            if isinstance(rest_old, Mapping):
                found += self._compare(rest_old, rest_new, f"{path}.*" if path else "*")
            elif rest_old is not False and not before:
                found.append(f"{path or 'the message'}: its values were free, are bound now")
        return found

    def _array(self, old: Schema, new: Schema, path: str) -> list[str]:
        at = path or "the message"
        before, after = old.get("prefixItems"), new.get("prefixItems")
        if (before is None) != (after is None):
            # A tuple that becomes a list of anything its parts are is fine; not the other way.
            items = new.get("items")
            if after is None and isinstance(items, Mapping) and before is not None:
                return [r for part in before for r in self._compare(part, items, f"{path}[]")]
            if after is None and items is None:
                return []
            return [f"{at}: was {_name(old)}, is {_name(new)}"]
        if before is not None and after is not None:
            if len(before) != len(after):
                return [f"{at}: had {len(before)} parts, has {len(after)}"]
            return [
                reason
                for index, (was, now) in enumerate(zip(before, after, strict=True))
                for reason in self._compare(was, now, f"{path}[{index}]")
            ]
        items_old, items_new = old.get("items"), new.get("items")
        if isinstance(items_new, Mapping) and items_new:
            if not isinstance(items_old, Mapping):
                return [f"{at}: its items were free, are bound now"]
            return list(self._compare(items_old, items_new, f"{path}[]"))
        return []


def _resolve(schema: Schema, root: Schema) -> Schema:
    for _ in range(32):
        ref = schema.get("$ref")
        if ref is None:
            return schema
        if not isinstance(ref, str) or not ref.startswith("#/$defs/"):
            raise ValueError(f"a reference that leads outside: {ref!r}")
        schema = root["$defs"][ref.removeprefix("#/$defs/")]
    raise ValueError("references that lead in a circle")


def _values(old: Schema, new: Schema, at: str) -> list[str]:
    """Narrowed enums and constants."""
    allowed = new.get("enum", [new["const"]] if "const" in new else None)
    if allowed is None:
        return []
    had = old.get("enum", [old["const"]] if "const" in old else None)
    if had is None:
        return [f"{at}: took any value, takes only {', '.join(map(str, allowed))}"]
    lost = [value for value in had if value not in allowed]
    return [f"{at}: no longer takes {', '.join(map(str, lost))}"] if lost else []


def _bounds(old: Schema, new: Schema, at: str) -> list[str]:
    """Narrowed bounds, and rules of text that are not the same."""
    found: list[str] = []
    for key in LOWER:
        if key in new and (key not in old or old[key] < new[key]):
            found.append(f"{at}: {key} rose from {old.get(key, 'none')} to {new[key]}")
    for key in UPPER:
        if key in new and (key not in old or old[key] > new[key]):
            found.append(f"{at}: {key} fell from {old.get(key, 'none')} to {new[key]}")
    for key in EXACT:
        if key in new and old.get(key) != new[key]:
            found.append(f"{at}: {key} changed from {old.get(key, 'none')} to {new[key]}")
    return found


def _same(old: Schema, new: Schema) -> bool:
    return bool(old.get("type", "enum") == new.get("type", "enum"))


def _name(schema: Schema) -> str:
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "prefixItems" in schema:
        return f"a tuple of {len(schema['prefixItems'])}"
    return str(schema.get("type", "anything"))
