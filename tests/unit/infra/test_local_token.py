"""The token by which programs of this machine are let in."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from infra.errors import NotRunningError, SettingsError
from infra.local_token import PREFIX, bearer, ensure_local_token, is_local_token, local_token
from infra.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state")


def path_of(settings: Settings) -> Path:
    (found,) = settings.state_dir.rglob("api-token")
    return found


def test_it_is_made_once_and_is_ours_alone(settings: Settings) -> None:
    with pytest.raises(NotRunningError, match="has not run"):
        local_token(settings)
    token = ensure_local_token(settings)
    assert token.startswith(PREFIX)
    assert len(token) > 40
    assert ensure_local_token(settings) == token == local_token(settings)
    assert bearer(settings) == {"Authorization": f"Bearer {token}"}
    assert stat.S_IMODE(path_of(settings).stat().st_mode) == 0o600
    # Nothing of how it was made is left.
    assert [path.name for path in path_of(settings).parent.iterdir()] == ["api-token"]


def test_who_knows_it(settings: Settings) -> None:
    assert not is_local_token(settings, PREFIX + "x" * 43)  # before there is one
    token = ensure_local_token(settings)
    assert is_local_token(settings, token)
    for wrong in ("", PREFIX, token[:-1], token + "x", token.upper(), "Bearer " + token):
        assert not is_local_token(settings, wrong)


def test_a_namespace_has_its_own(settings: Settings) -> None:
    other = settings.in_namespace("demo")
    assert ensure_local_token(settings) != ensure_local_token(other)
    assert not is_local_token(other, local_token(settings))


def test_another_one_by_removing_the_file(settings: Settings) -> None:
    old = ensure_local_token(settings)
    path_of(settings).unlink()
    new = ensure_local_token(settings)
    assert new != old
    assert not is_local_token(settings, old)
    assert is_local_token(settings, new)


def test_what_is_no_token_is_replaced(settings: Settings) -> None:
    ensure_local_token(settings)
    path = path_of(settings)
    path.write_text("")  # the disk was full
    assert not is_local_token(settings, "")
    token = ensure_local_token(settings)
    assert is_local_token(settings, token)


def test_a_file_that_others_may_read_is_refused(settings: Settings) -> None:
    ensure_local_token(settings)
    path_of(settings).chmod(0o644)
    with pytest.raises(SettingsError, match="others can read"):
        local_token(settings)


def test_two_that_start_at_once_have_one(settings: Settings) -> None:
    begin = threading.Barrier(8)
    found: list[str] = []

    def start() -> None:
        begin.wait()
        found.append(ensure_local_token(settings))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {local_token(settings)}
    assert len(found) == 8
