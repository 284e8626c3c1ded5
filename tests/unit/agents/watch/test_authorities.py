"""Which file a document's `ca_file` may name: one of the folder, and never another."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.watch.authorities import FOLDER, ca_files, ca_path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state" / FOLDER
    folder.mkdir(parents=True)
    (folder / "lab.pem").write_text("PEM")
    (folder / "more").mkdir()
    (folder / "more" / "deep.pem").write_text("PEM")
    (tmp_path / "state" / "vault.key").write_text("secret")
    (tmp_path / "outside.pem").write_text("secret")
    (folder / "link.pem").symlink_to(tmp_path / "outside.pem")
    (folder / "alias.pem").symlink_to(folder / "lab.pem")
    return tmp_path / "state"


def test_a_file_of_the_folder_is_found(state: Path) -> None:
    assert ca_path(state, "lab.pem") == str((state / FOLDER / "lab.pem").resolve())
    assert ca_path(state, "alias.pem") == ca_path(state, "lab.pem")


@pytest.mark.parametrize(
    "name",
    [
        *("nothing.pem", "more", "more/deep.pem", "link.pem", "", ".", ".."),
        *("../vault.key", "/etc/passwd", "..%2fvault.key", "lab.pem\0", "x" * 5000),
    ],
)
def test_nothing_else_is(state: Path, name: str) -> None:
    assert ca_path(state, name) is None


def test_the_files_that_may_be_named(state: Path, tmp_path: Path) -> None:
    assert ca_files(state) == ["alias.pem", "lab.pem"]
    assert ca_files(tmp_path / "nowhere") == []
