"""What a first visit loads: measured on the build, compressed as the server compresses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.dashboard.serve import DIST, Built

BUDGET = 300_000


def packed(name: str) -> int:
    file = Built(DIST).file(name)
    assert file is not None, name
    return len(file.packed or file.data)


def static_imports(name: str) -> set[str]:
    """A script, and every script that it cannot start without."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        text = (DIST / "assets" / one).read_text(encoding="utf-8")
        names = re.findall(r"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""", text)
        waiting += [other for other in names if f'import("./{other}")' not in text]
    return found


@pytest.mark.usefixtures("dashboard")
def test_the_first_load_is_under_300_kb() -> None:
    page = (DIST / "index.html").read_text(encoding="utf-8")
    linked = set(re.findall(r'(?:src|href)="/assets/([\w.-]+)"', page))
    entries = [name for name in linked if name.endswith(".js")]
    assert entries
    scripts = {one for entry in entries for one in static_imports(entry)}
    # The queue is what is shown first, in one language.
    for name in [path.name for path in Path(DIST, "assets").glob("queue-*.js")]:
        scripts |= static_imports(name)
    messages = {path.name for path in Path(DIST, "assets").glob("messages.de-*.js")}
    assert len(messages) > 2
    styles = {path.name for path in Path(DIST, "assets").glob("*.css")}
    total = packed("index.html") + packed("mark.svg")
    total += sum(packed(f"assets/{name}") for name in scripts | messages | styles | linked)
    print(f"first load: {total} bytes in {len(scripts | messages | styles)} files")
    assert 50_000 < total < BUDGET
