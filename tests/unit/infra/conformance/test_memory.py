"""Where a run's passing files go."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.conformance import live


def test_memory_is_used_where_there_is_enough_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MEMORY", tmp_path)
    monkeypatch.setattr(live, "MEMORY_BYTES", 1)
    assert live.memory() == tmp_path
    monkeypatch.setattr(live, "MEMORY_BYTES", 2**80)
    assert live.memory() is None


def test_without_such_a_folder_files_go_where_they_always_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MEMORY", tmp_path / "none")
    assert live.memory() is None
