"""From a secret in the vault to a device that lets us in, as the watch role goes about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from agents.runtime.service import RoleContext
from agents.watch.asking import Asking
from agents.watch.drivers.base import Limits
from agents.watch.drivers.registry import drivers_of
from agents.watch.service import _secrets
from infra.vault import Vault
from infra.vault_keys import KeySource
from schemas.device import Assignment, Probe
from tests.integration.watch.vendors import device


def asking(state: Path) -> Asking:
    ctx = SimpleNamespace(settings=SimpleNamespace(state_dir=state))
    return Asking(_secrets(cast(RoleContext, ctx)), Limits(), 5.0)


async def asked(by: Asking, kind: str, site: str, address: str) -> list[Probe]:
    assignment = Assignment(
        site_id=site,
        device_id="one",
        kind="nvr",
        address=address,
        driver=kind,
        credentials="recorders",
    )
    return await by.ask(assignment, drivers_of(kind), datetime.now(UTC), lambda: False)


@pytest.mark.parametrize("kind", ["isapi", "dahua", "onvif"])
async def test_a_sites_own_secret_lets_in(kind: str, tmp_path: Path) -> None:
    source = KeySource(file=tmp_path / "vault.key")
    vault = Vault(tmp_path, lambda: source)
    vault.set("recorders", "admin:of-another-site")
    async with device(kind, channels=2) as (_, one):
        vault.set("recorders", f"{one.username}:{one.password}", "north")
        address = f"127.0.0.1:{one.port}"
        let_in = await asked(asking(tmp_path), kind, "north", address)
        kept_out = await asked(asking(tmp_path), kind, "south", address)
    assert [probe.ok for probe in let_in] == [True] * len(drivers_of(kind))
    assert [probe.ok for probe in kept_out] == [False]
    told: list[Any] = [msgspec.to_builtins(probe) for probe in (*let_in, *kept_out)]
    assert str(kept_out[0].error).startswith("bad_credentials")
    for secret in ("of-another-site", one.password):
        assert secret not in json.dumps(told)


async def test_onvif_stays_refused_and_asks_no_second_time(tmp_path: Path) -> None:
    source = KeySource(file=tmp_path / "vault.key")
    Vault(tmp_path, lambda: source).set("recorders", "admin:wrong")
    by = asking(tmp_path)
    async with device("onvif") as (fleet, one):
        address = f"127.0.0.1:{one.port}"
        first, second = [await asked(by, "onvif", "north", address) for _ in range(2)]
        assert [probe.ok for probe in (*first, *second)] == [False, False]
        assert str(second[0].error).startswith("bad_credentials")
        # The time and a log-in; then the time alone.
        assert fleet.asked == {"one": 3}
