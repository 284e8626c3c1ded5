"""When the dashboard is built, from what, and what stays where it cannot be.

Node and npm are small scripts here: what they would do is not this test's business.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra import dashboard
from infra.dashboard import build, check, digest, find_node, new_enough
from infra.errors import MachineError

NODE = """#!/bin/sh
if [ "$1" = --version ]; then echo v20.19.1; exit; fi
echo "$@" >> calls
test ! -e broken || { echo 'no such module' >&2; exit 1; }
mkdir dist.new && cp src/main.tsx dist.new/index.html
"""
NPM = """#!/bin/sh
echo "npm $@" >> calls
test ! -e offline || { echo 'npm error network' >&2; exit 1; }
test ! -e "bad-$2" || { echo "$2 is bad" >&2; exit 1; }
mkdir -p node_modules
"""


@pytest.fixture(autouse=True)
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Node on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("node", NODE), ("npm", NPM)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sources."""
    made = tmp_path / "dashboard"
    (made / "src").mkdir(parents=True)
    (made / "src" / "main.tsx").write_text("one")
    (made / "package-lock.json").write_text("{}")
    return made


def make(folder: Path) -> str | None:
    return build(folder.parent / "cache", lambda _: None, folder=folder)


def calls(folder: Path) -> list[str]:
    path = folder / "calls"
    found = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [call.split()[1] for call in found]


def built(folder: Path) -> str:
    return (folder / "dist" / "index.html").read_text()


@pytest.mark.parametrize(
    ("said", "enough"),
    [
        ("v20.19.0\n", True),
        ("v20.18.3", False),  # Vite 8 refuses it
        ("v22.0.1", True),
        ("v18.20.0", False),
        ("", False),
        ("node: not found", False),
    ],
)
def test_new_enough(said: str, enough: bool) -> None:
    assert new_enough(said) is enough


def test_it_is_built_once_and_again_when_sources_change(folder: Path) -> None:
    assert make(folder) is None
    assert calls(folder) == ["ci", "build"]
    assert built(folder) == "one"
    assert make(folder) is None
    assert calls(folder) == []
    (folder / "src" / "main.tsx").write_text("two")
    assert make(folder) is None
    # The lock is the same: what is installed stays.
    assert calls(folder) == ["build"]
    assert built(folder) == "two"
    (folder / "package-lock.json").write_text('{"other": 1}')
    assert make(folder) is None
    assert calls(folder) == ["ci", "build"]


def test_the_digest_is_of_names_and_bytes_and_not_of_what_is_made(folder: Path) -> None:
    before = digest(folder)
    for name in ("node_modules", "dist", "__pycache__"):
        (folder / name).mkdir()
        (folder / name / "x.js").write_text("x")
    (folder / "README.md").write_text("x")
    (folder / "serve.py").write_text("x")
    assert digest(folder) == before
    (folder / "src" / "main.tsx").rename(folder / "src" / "other.tsx")
    assert digest(folder) != before


@pytest.mark.parametrize(("fault", "word"), [("offline", "network"), ("broken", "no such module")])
def test_what_fails_leaves_the_old_build_and_says_so(folder: Path, fault: str, word: str) -> None:
    assert make(folder) is None
    (folder / "src" / "main.tsx").write_text("two")
    (folder / "package-lock.json").write_text('{"other": 1}')
    (folder / fault).touch()
    said = make(folder)
    assert said is not None
    assert word in said
    assert "built before" in said
    assert built(folder) == "one"
    # It is tried again, and not taken for built.
    (folder / fault).unlink()
    assert make(folder) is None
    assert built(folder) == "two"


def test_without_any_build_it_says_that_there_is_none(folder: Path) -> None:
    (folder / "offline").touch()
    said = make(folder)
    assert said is not None
    assert "built before" not in said


def test_an_old_node_is_passed_over_for_the_wheel(
    node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "wheel"
    shutil.copytree(node, wheel)
    (node / "node").write_text("#!/bin/sh\necho v18.0.0\n")
    asked: list[str] = []

    def python(cache: Path, say: object, lock: Path, *, name: str) -> Path:
        asked.append(lock.name)
        return wheel / "python"

    monkeypatch.setattr(dashboard, "rival_python", python)
    found = find_node(tmp_path, lambda _: None)
    assert (found.folder, found.version) == (wheel, "v20.19.1")
    assert asked == ["node.txt"]


def test_without_any_node_nothing_is_raised(
    folder: Path, node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def python(*_: object, **__: object) -> Path:
        raise MachineError("Node.js cannot be installed")

    monkeypatch.setattr(dashboard, "rival_python", python)
    monkeypatch.setenv("PATH", str(node / "nothing"))
    said = make(folder)
    assert said is not None
    assert "Node.js cannot be installed" in said


def test_check_names_each_step_that_fails(folder: Path) -> None:
    (folder / "bad-types").touch()
    failed = check(folder.parent / "cache", lambda _: None, folder=folder)
    assert len(failed) == 1
    assert failed[0].startswith("dashboard types: ")
    assert "types is bad" in failed[0]
