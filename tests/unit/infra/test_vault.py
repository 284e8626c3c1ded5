from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.errors import SettingsError
from infra.secrets import lookup, write_secret
from infra.vapid import public_part
from infra.vault import AGAIN_S, Rotation, Vault, VaultError, vault_of
from infra.vault_keys import Key, Keyring, KeySource, fresh_key, read_keys

VALUE = "admin:hunter2-is-long"


def vault(state: Path, *keys: str) -> Vault:
    given = keys or (KEYS[0],)
    return Vault(state, lambda: KeySource(file=state / "vault.key", text=" ".join(given)))


KEYS = [base64.b64encode(bytes([n]) * 32).decode() for n in range(1, 4)]


def file_of(state: Path, name: str, site: str = "") -> Path:
    folder = state / "vault" / "sites" / site if site else state / "vault"
    return folder / f"{name}.sealed"


def test_what_was_kept_is_read_and_is_not_in_the_file(tmp_path: Path) -> None:
    one = vault(tmp_path)
    one.set("gate", VALUE)
    secret = one.get("gate")
    assert secret is not None
    assert secret.reveal() == VALUE
    raw = file_of(tmp_path, "gate").read_bytes()
    for part in (VALUE, "hunter2", base64.b64encode(VALUE.encode()).decode()[:12]):
        assert part.encode() not in raw
    assert file_of(tmp_path, "gate").stat().st_mode & 0o777 == 0o600
    assert one.get("other") is None


def test_the_same_value_is_never_sealed_alike(tmp_path: Path) -> None:
    one = vault(tmp_path)
    one.set("gate", VALUE)
    first = file_of(tmp_path, "gate").read_bytes()
    one.set("gate", VALUE)
    assert file_of(tmp_path, "gate").read_bytes() != first


def test_a_sites_secret_goes_before_every_sites(tmp_path: Path) -> None:
    one = vault(tmp_path)
    one.set("gate", "for-all")
    one.set("gate", "for-north", "north")
    assert [one.get("gate", site) for site in ("north", "south", "")] == [
        one.get("gate", "north"),
        one.get("gate"),
        one.get("gate"),
    ]
    north, south = one.get("gate", "north"), one.get("gate", "south")
    assert north is not None
    assert south is not None
    assert (north.reveal(), south.reveal()) == ("for-north", "for-all")


@pytest.mark.parametrize(
    ("source", "to"),
    [
        (("gate", "north"), ("yard", "north")),  # another name
        (("gate", "north"), ("gate", "south")),  # another site
        (("gate", ""), ("gate", "north")),  # every site's as a site's
        (("gate", "north"), ("gate", "")),  # and back
    ],
)
def test_a_file_in_anothers_place_does_not_open(
    tmp_path: Path, source: tuple[str, str], to: tuple[str, str]
) -> None:
    one = vault(tmp_path)
    one.set(*(source[0], VALUE, source[1]))
    place = file_of(tmp_path, *to)
    place.parent.mkdir(parents=True, exist_ok=True)
    file_of(tmp_path, *source).rename(place)
    with pytest.raises(VaultError, match="does not open") as caught:
        one.get(*to)
    assert "hunter2" not in str(caught.value)


def _flip(sealed: dict[str, object], field: str, place: int, bit: int) -> None:
    raw = bytearray(base64.b64decode(str(sealed[field])))
    raw[place % len(raw)] ^= 1 << bit
    sealed[field] = base64.b64encode(bytes(raw)).decode()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.text(min_size=1, max_size=80).filter(lambda t: t.isprintable()),
    field=st.sampled_from(["nonce", "sealed"]),
    place=st.integers(0, 500),
    bit=st.integers(0, 7),
)
def test_one_changed_bit_is_refused(
    tmp_path: Path, value: str, field: str, place: int, bit: int
) -> None:
    one = vault(tmp_path)
    one.set("gate", value)
    path = file_of(tmp_path, "gate")
    sealed = json.loads(path.read_bytes())
    _flip(sealed, field, place, bit)
    path.write_text(json.dumps(sealed))
    with pytest.raises(VaultError, match="does not open"):
        one.get("gate")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_a_file_that_is_none_is_named(tmp_path: Path, data: bytes) -> None:
    one = vault(tmp_path)
    one.set("gate", VALUE)
    file_of(tmp_path, "gate").write_bytes(data)
    with pytest.raises(VaultError, match="no sealed secret"):
        one.get("gate")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(min_size=1, max_size=500).filter(lambda t: t.encode("utf-8", "ignore") != b""))
def test_any_text_comes_back(tmp_path: Path, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    one = vault(tmp_path)
    one.set("gate", value)
    secret = one.get("gate")
    assert secret is not None
    assert secret.reveal() == value


def test_old_keys_read_and_rotate_writes_anew(tmp_path: Path) -> None:
    vault(tmp_path, KEYS[0]).set("gate", VALUE)
    vault(tmp_path, KEYS[0]).set("yard", "other", "north")
    both = vault(tmp_path, KEYS[1], KEYS[0])
    assert [e.current for e in both.entries()] == [False, False]
    secret = both.get("gate")
    assert secret is not None
    assert secret.reveal() == VALUE
    assert both.rotate() == Rotation(rotated=2, forgotten=0)
    assert both.rotate() == Rotation(rotated=0, forgotten=0)
    assert [e.current for e in both.entries()] == [True, True]
    alone = vault(tmp_path, KEYS[1])
    yard = alone.get("yard", "north")
    assert yard is not None
    assert yard.reveal() == "other"
    with pytest.raises(VaultError, match="not among the vault's keys"):
        vault(tmp_path, KEYS[0]).get("gate")


def test_rotate_changes_nothing_where_a_key_is_lost(tmp_path: Path) -> None:
    vault(tmp_path, KEYS[0]).set("gate", VALUE)
    before = file_of(tmp_path, "gate").read_bytes()
    with pytest.raises(VaultError):
        vault(tmp_path, KEYS[1]).rotate()
    assert file_of(tmp_path, "gate").read_bytes() == before


def test_rotate_makes_a_key_where_keys_are_a_files(tmp_path: Path) -> None:
    source = KeySource(file=tmp_path / "vault.key")
    one = Vault(tmp_path, lambda: source)
    one.set("gate", VALUE)
    first = source.load().current.key_id
    backup = file_of(tmp_path, "gate").read_bytes()
    assert one.rotate() == Rotation(rotated=1, forgotten=0)
    assert source.load().current.key_id != first
    # An older key still reads what it wrote: a backup that was put back, say.
    file_of(tmp_path, "gate").write_bytes(backup)
    secret = Vault(tmp_path, lambda: source).get("gate")
    assert secret is not None
    assert secret.reveal() == VALUE
    assert one.rotate(forget=True) == Rotation(rotated=1, forgotten=2)
    assert len(source.load().keys) == 1
    file_of(tmp_path, "gate").write_bytes(backup)
    with pytest.raises(VaultError, match="not among"):
        Vault(tmp_path, lambda: source).get("gate")


def test_a_key_is_not_forgotten_while_something_does_not_open(tmp_path: Path) -> None:
    source = KeySource(file=tmp_path / "vault.key")
    one = Vault(tmp_path, lambda: source)
    one.set("gate", VALUE)
    one.set("yard", VALUE)
    source.renew()
    file_of(tmp_path, "gate").replace(file_of(tmp_path, "yard"))
    with pytest.raises(VaultError, match="does not open"):
        one.rotate(forget=True)
    assert len(source.load().keys) == 2


def test_the_file_of_keys_has_its_end(tmp_path: Path) -> None:
    source = KeySource(file=tmp_path / "vault.key")
    one = Vault(tmp_path, lambda: source)
    one.set("gate", VALUE)
    first = source.load().current.key_id
    for _ in range(31):
        one.rotate()
    with pytest.raises(SettingsError, match="no room") as caught:
        one.rotate()
    assert "--forget" in str(caught.value.hint)
    assert source.load().keys[-1].key_id == first
    assert one.rotate(forget=True).forgotten == 32
    secret = one.get("gate")
    assert secret is not None
    assert secret.reveal() == VALUE


def test_another_process_that_rotated_is_followed(tmp_path: Path) -> None:
    source = KeySource(file=tmp_path / "vault.key")
    worker = Vault(tmp_path, lambda: source)
    worker.set("gate", VALUE)
    worker.get("gate")
    worker._read_at -= AGAIN_S  # it read its keys a while ago
    Vault(tmp_path, lambda: source).rotate(forget=True)
    secret = worker.get("gate")
    assert secret is not None
    assert secret.reveal() == VALUE


def test_remove(tmp_path: Path) -> None:
    one = vault(tmp_path)
    assert not one.remove("gate")
    one.set("gate", VALUE)
    assert not one.remove("gate", "north")
    assert one.remove("gate")
    assert one.get("gate") is None
    assert one.entries() == []


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "-x", "x" * 64, "é"])
def test_names_and_sites_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="not a name"):
        vault(tmp_path).set(name, VALUE)
    if name:
        site = name if len(name) != 64 else "x" * 129
        with pytest.raises(SettingsError, match="no site's id"):
            vault(tmp_path).get("gate", site)


def test_values_that_are_none(tmp_path: Path) -> None:
    for value in ("", "x" * 70_000):
        with pytest.raises(SettingsError, match="are a secret"):
            vault(tmp_path).set("gate", value)


@pytest.mark.parametrize("text", ["", "hunter2", "aGVsbG8=", " , ", KEYS[0] + " hunter2"])
def test_keys_that_are_none_are_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_keys(text, "somewhere")
    assert "hunter2" not in caught.value.message
    assert KEYS[0] not in caught.value.message


def test_keys_do_not_show_themselves() -> None:
    ring = read_keys(KEYS[0], "x")
    for text in (repr(ring), str(ring), f"{ring.current}"):
        assert KEYS[0] not in text
        assert "\\x01" not in text
    with pytest.raises(TypeError):
        pickle.dumps(ring.current)
    assert isinstance(ring, Keyring)
    with pytest.raises(ValueError, match="32 bytes"):
        Key(b"short")


def test_a_command_gives_the_keys(tmp_path: Path) -> None:
    def source(code: str) -> KeySource:
        return KeySource(file=tmp_path / "k", command=f"{sys.executable} -c '{code}'")

    assert (
        source(f'print("{KEYS[0]}")').load().current.key_id == read_keys(KEYS[0], "").current.key_id
    )
    with pytest.raises(SettingsError, match="ended with 3") as caught:
        source('import sys; print("hunter2"); sys.exit(3)').load()
    assert "hunter2" not in caught.value.message
    with pytest.raises(SettingsError, match="FileNotFoundError"):
        KeySource(file=tmp_path / "k", command="/no/such/program").load()
    with pytest.raises(SettingsError, match="not in a file"):
        source("pass").renew()


def test_the_file_of_keys_is_made_once_and_is_private(tmp_path: Path) -> None:
    source = KeySource(file=tmp_path / "state" / "vault.key")
    with pytest.raises(SettingsError, match="no key"):
        source.load()
    first = source.load(make=True)
    assert source.load(make=True).current.key_id == first.current.key_id
    assert source.file.stat().st_mode & 0o777 == 0o600
    source.renew()
    assert [k.key_id for k in source.load().keys][1:] == [first.current.key_id]
    assert source.forget() == 1
    assert len(source.load().keys) == 1
    source.file.chmod(0o644)
    with pytest.raises(SettingsError, match="others can read"):
        source.load()


def test_a_key_file_that_is_named_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no key"):
        KeySource(file=tmp_path / "typo.key", given_file=True).load(make=True)
    assert not (tmp_path / "typo.key").exists()


def test_a_lost_key_is_not_asked_for_again_and_again(tmp_path: Path) -> None:
    vault(tmp_path, KEYS[0]).set("gate", VALUE)
    asked = []

    def source() -> KeySource:
        asked.append(1)
        return KeySource(file=tmp_path / "k", text=KEYS[1])

    one = Vault(tmp_path, source)
    for _ in range(3):
        with pytest.raises(VaultError):
            one.get("gate")
    assert len(asked) == 1


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"WATCHFLOOR_VAULT_KEY": fresh_key(), "WATCHFLOOR_STATE": str(tmp_path)}


def test_lookup_finds_what_is_in_the_vault(tmp_path: Path, env: dict[str, str]) -> None:
    write_secret(tmp_path / "secrets", "gate", "from file")
    assert lookup("gate", state_dir=tmp_path, env=env).reveal() == "from file"
    vault_of(tmp_path, env).set("gate", "from vault")
    vault_of(tmp_path, env).set("gate", "norths", "north")
    assert lookup("gate", state_dir=tmp_path, env=env).reveal() == "from vault"
    assert lookup("gate", site="north", state_dir=tmp_path, env=env).reveal() == "norths"
    first = {**env, "WATCHFLOOR_SECRET_GATE": "from environment"}
    assert lookup("gate", state_dir=tmp_path, env=first).reveal() == "from environment"


def test_nothing_secret_is_in_the_diagnosis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from infra.diagnosis import known_secrets
    from infra.secrets import scrub
    from infra.settings import load

    monkeypatch.setenv("WATCHFLOOR_VAULT_KEY", KEYS[0])
    vault_of(tmp_path, os.environ).set("gate", VALUE)
    shown = load(state=tmp_path)
    assert KEYS[0] not in repr(shown)
    assert KEYS[0] not in json.dumps(shown.described())
    known = known_secrets(shown)
    log = f"camera said {VALUE}, then hunter2-is-long alone; key {KEYS[0]}"
    clean = scrub(log, *known)
    assert "hunter2" not in clean
    assert KEYS[0] not in clean


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def of(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "infra.cli", "--state", str(tmp_path), "secrets", *arguments],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return of


def test_the_command(tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("set", "gate", "--site", "north", given=VALUE + "\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert "hunter2" not in done.stderr
    before = json.loads(run("list", "--json").stdout)
    assert [(e["name"], e["site"], e["current"]) for e in before] == [("gate", "north", True)]
    rotated = json.loads(run("rotate", "--forget", "--json").stdout)
    assert rotated == {"rotated": 1, "forgotten_keys": 1}
    after = json.loads(run("list", "--json").stdout)
    assert after[0]["key"] != before[0]["key"]
    env = {"WATCHFLOOR_STATE": str(tmp_path)}
    assert lookup("gate", site="north", state_dir=tmp_path, env=env).reveal() == VALUE
    assert run("remove", "gate").returncode == 1
    assert run("remove", "gate", "--site", "north").returncode == 0
    assert run("set", "gate", "hunter2").returncode == 2
    assert run("set", "gate", given="").returncode == 2


def test_the_command_makes_a_key_for_web_push_and_shows_its_public_part(
    tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run("vapid", "phones")
    assert done.returncode == 0, done.stderr
    private = lookup("phones", state_dir=tmp_path, env={"WATCHFLOOR_STATE": str(tmp_path)}).reveal()
    assert done.stdout == public_part(private) + "\n"
    assert private not in done.stdout + done.stderr
    # What there is stays: every device would have to be added once more.
    again = json.loads(run("vapid", "phones", "--json").stdout)
    assert again == {"name": "phones", "public_key": public_part(private), "made": False}
    run("set", "gate", given=VALUE)
    refused = run("vapid", "gate")
    assert refused.returncode == 2
    assert "no VAPID key" in refused.stderr
    assert "hunter2" not in refused.stdout + refused.stderr
