"""Every query names its sites: a look at the sources' SQL that refuses one that does not.

Row-level security holds a query back that forgets its sites; this finds the one that relies on it.
A table with a column `site_id`, by the migrations, is a site's. Where a statement reads or changes
one, `site_id` is compared with a parameter, or with the `site_id` of something around it that is.
And SQL stands where one looks for it: in `repository.py` files, and in `infra/db`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from infra.setting_values import ROOT

__all__ = ["problems_of", "query_problems", "site_tables"]

FOLDERS: Final = ("agents", "annotation", "api", "infra", "schemas", "topics", "training")
MIGRATIONS: Final = "infra/migrations"

ELSEWHERE: Final[Mapping[str, str]] = {
    "agents/archive/sink.py": "calls archive's functions, which take rows of every site",
    "api/database.py": "asks whether the server answers",
    "infra/backtest/recorded.py": "reads what was recorded, as a stream",
    "infra/bench/api/data.py": "makes the rows of a bench, of all its sites",
    "infra/bench/api/warm.py": "counts the rows of a bench, of all its sites",
    "infra/cli/smoke.py": "looks for its own event",
    "infra/doctor.py": "asks for the server's clock",
    "infra/drills/rows.py": "reads a drill's own namespace whole, for the oracle",
    "infra/embedded/postgres.py": "asks whether the server answers",
    "infra/queries.py": "looks for it",
}
"""Files beside repositories that have SQL, and why."""

WHOLE: Final = frozenset({"infra/drills/rows.py"})
"""Read every site on purpose, as the server's owner, in a namespace that ends with them."""

STATEMENT: Final = re.compile(
    r"\s*(?:WITH|SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE|MERGE\s+INTO|COPY)\s"
)
REFERENCE: Final = r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:ONLY\s+)?(?:{})\b"
WORD: Final = re.compile(r"'(?:[^']|'')*'|%\(\w+\)s|%s|\w+|\S")
TABLE: Final = re.compile(
    r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)\s*\((.*?)\n\)", re.DOTALL
)
VIEW: Final = re.compile(r"CREATE\s+(?:OR\s+REPLACE\s+)?VIEW\s+(\w+)\b")

JOINERS: Final = frozenset({"FROM", "JOIN", "UPDATE"})
NO_ALIAS: Final = frozenset(
    re.findall(
        r"\w+",
        "WHERE ON USING SET JOIN LEFT RIGHT FULL INNER CROSS NATURAL GROUP ORDER LIMIT OFFSET "
        "HAVING UNION EXCEPT INTERSECT RETURNING FOR VALUES WINDOW FETCH DEFAULT OVERRIDING",
    )
)
SETS: Final = frozenset({"UNION", "EXCEPT", "INTERSECT"})

Word: TypeAlias = "str | list[Word]"


@dataclass
class _Select:
    """One SELECT, UPDATE or DELETE, without what is nested in it. tables: alias to name."""

    tables: dict[str, str] = field(default_factory=dict)
    inserted: list[tuple[str, list[str]]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    """Aliases of everything here, whether a site's table or not."""
    compared: list[tuple[str | None, str | None]] = field(default_factory=list)
    """Whose site_id, and the alias that it equals; None: a parameter."""
    joined: bool = False
    """By USING (site_id, …)."""


def site_tables(root: Path = ROOT) -> frozenset[str]:
    """The tables that have a `site_id`, and every view, by the migrations."""
    found: set[str] = set()
    for path in sorted((root / MIGRATIONS).rglob("*")):
        if path.suffix not in (".sql", ".py"):
            continue
        text = path.read_text(encoding="utf-8")
        found.update(n for n, body in TABLE.findall(text) if re.search(r"\bsite_id\b", body))
        found.update(VIEW.findall(text))
    return frozenset(found)


def query_problems(root: Path = ROOT) -> list[str]:
    """What is wrong with the SQL of all sources, a sentence each."""
    tables = site_tables(root)
    problems = []
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if not name.startswith(MIGRATIONS) and "node_modules" not in path.parts:
                problems += problems_of(name, path.read_text(encoding="utf-8"), tables)
    return problems


def problems_of(name: str, source: str, tables: frozenset[str]) -> list[str]:
    """What is wrong with the SQL of one file. name: its path from the checkout."""
    problems = []
    reference = re.compile(REFERENCE.format("|".join(sorted(tables)) or "(?!)"))
    place = name in ELSEWHERE or name.startswith("infra/db/") or name.endswith("/repository.py")
    for line, text in _texts(ast.parse(source)):
        statement = STATEMENT.match(text) is not None
        if not statement and reference.search(text) is None:
            continue
        if not place:
            problems.append(f"{name}:{line}: SQL stands in a repository.py, or in infra/db")
        if name not in WHOLE:
            problems += [f"{name}:{line}: {one}" for one in _unnamed(text, tables)]
    return problems


def _texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text with its line: parts that are put together are one, and docstrings none."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        if isinstance(node, ast.BinOp | ast.JoinedStr) and id(node) not in skipped:
            whole = _folded(node)
            if whole is not None:
                skipped.update(id(inner) for inner in ast.walk(node))
                yield node.lineno, whole
        elif isinstance(node, ast.Constant) and id(node) not in skipped:
            whole = _folded(node)
            if whole is not None:
                yield node.lineno, whole


def _folded(node: ast.AST) -> str | None:
    """A text as it will be, `{}` where something is put in; None for what is no text."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Constant(value=bytes(data)):
            return data.decode("utf-8", "replace")
        case ast.JoinedStr(values=parts):
            return "".join(_folded(part) or "{}" for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = _folded(left), _folded(right)
            return None if first is None or second is None else first + second
        case _:
            return None


def _unnamed(text: str, tables: frozenset[str]) -> Iterator[str]:
    for select in _selects(_nested(text)):
        for table, columns in select.inserted:
            if table in tables and columns[:1] != ["site_id"]:
                yield f"what is inserted into {table} names site_id first"
        own = {alias: table for alias, table in select.tables.items() if table in tables}
        if not own:
            continue
        for alias, table in own.items():
            if not _named(select, alias):
                yield f"{table} is used, and its site_id is compared with nothing"
        if not any(other is None or other not in select.names for _, other in select.compared):
            yield f"{', '.join(sorted(own.values()))}: no site_id comes from outside"


def _named(select: _Select, alias: str) -> bool:
    if select.joined:
        return True
    return any(
        alias in (whose, other) or (whose is None and len(select.names) == 1)
        for whose, other in select.compared
    )


def _nested(text: str) -> list[Word]:
    """The words, what stands in parentheses as a list of its own. Comments are left out."""
    plain = re.sub(r"--[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)
    stack: list[list[Word]] = [[]]
    for word in WORD.findall(plain):
        if word == "(":
            stack.append([])
        elif word == ")" and len(stack) > 1:
            inner = stack.pop()
            stack[-1].append(inner)
        else:
            stack[-1].append(word)
    while len(stack) > 1:
        # A fragment that goes on elsewhere.
        inner = stack.pop()
        stack[-1].append(inner)
    return stack[0]


def _selects(tokens: Sequence[Word]) -> Iterator[_Select]:
    """Every SELECT on its own, those in parentheses too."""
    part: list[Word] = []
    for word in [*tokens, "UNION"]:
        if isinstance(word, str) and word in SETS:
            if part:
                yield from _select(part)
            part = []
        else:
            part.append(word)


def _flat(tokens: Sequence[Word], inner: list[list[Word]]) -> Iterator[str]:
    """Words with expressions' parentheses taken away; queries in them go to `inner`."""
    for word in tokens:
        if isinstance(word, str):
            yield word
        elif word and isinstance(word[0], str) and word[0] in ("SELECT", "WITH"):
            inner.append(word)
            yield "()"
        else:
            yield "("
            yield from _flat(word, inner)
            yield ")"


def _select(tokens: Sequence[Word]) -> Iterator[_Select]:
    inner: list[list[Word]] = []
    flat = list(_flat(tokens, inner))
    found = _Select()
    after_where = listing = False
    for place, word in enumerate(flat):
        following = flat[place + 1 : place + 40]
        if word == "INTO":
            found.inserted.append((following[0] if following else "", _columns(following[1:])))
        elif word in JOINERS or (word == "," and listing):
            _take_table(found, following, updated=flat[place - 1 : place] == ["DO"])
            listing = word in ("FROM", ",")
        elif word in NO_ALIAS:
            listing = False
        if word in ("WHERE", "ON", "USING"):
            after_where = True
            if word == "USING" and "site_id" in _columns(following):
                found.joined = True
        if after_where and word == "=":
            _take_comparison(found, flat, place)
    yield found
    for nested in inner:
        yield from _selects(nested)


def _columns(tokens: Sequence[str]) -> list[str]:
    if not tokens or tokens[0] != "(":
        return []
    end = tokens.index(")") if ")" in tokens else len(tokens)
    return [word for word in tokens[1:end] if word != ","]


def _take_table(found: _Select, following: Sequence[str], *, updated: bool) -> None:
    words = [word for word in following if word not in ("ONLY", "LATERAL")]
    if updated or not words or not re.fullmatch(r"\w+|\(\)", words[0]):
        return
    name, rest = words[0], words[1:]
    if rest[:1] == ["AS"]:
        rest = rest[1:]
    aliased = bool(rest) and re.fullmatch(r"[a-z_]\w*", rest[0]) and rest[0] not in NO_ALIAS
    alias = rest[0] if aliased else name
    found.names.add(alias)
    if name != "()":
        found.tables[alias] = name


def _take_comparison(found: _Select, flat: Sequence[str], place: int) -> None:
    """`a.site_id = ANY(%(sites)s)`, `a.site_id = b.site_id`, `site_id = %s`."""
    left, right = list(flat[max(0, place - 3) : place]), list(flat[place + 1 : place + 5])
    if left[-1:] != ["site_id"]:
        return
    whose = left[0] if left[1:2] == ["."] and len(left) == 3 else None
    if right[:1] == ["ANY"]:
        right = [word for word in right[1:] if word != "("]
    if right and right[0].startswith("%"):
        found.compared.append((whose, None))
    elif right[1:3] == [".", "site_id"]:
        found.compared.append((whose, right[0]))
