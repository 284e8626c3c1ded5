"""Passwords and second factors."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime

import pyotp
import pytest
from argon2 import PasswordHasher

from api.account import factor
from api.account.passwords import AT_ONCE, WAITING, Passwords, random_password, refusal
from api.problems import Overloaded
from infra.secrets import Secret

NOW = datetime(2026, 3, 2, 22, tzinfo=UTC)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("short", "12 characters at least"),
        ("elevenchars", "12 characters at least"),
        ("x" * 257, "12"),  # one piece again and again would do as well
        ("a b c d e f g h i " * 15, "256 characters at most"),
        ("password1234", "everybody uses"),
        ("PassWord1234", "everybody uses"),
        ("password1234!!", "everybody uses"),
        ("kim.example-kim.example", "name"),
        ("Kim.Example2026", "name"),
        ("watchfloor2026", "name"),
        ("aaaaaaaaaaaa", "again and again"),
        ("abcabcabcabcab", "again and again"),
        ("passionpassion", "again and again"),
        ("123456789012", "row of the keyboard"),
        ("qwertyuiopas", "row of the keyboard"),
        ("ponmlkjihgfedcba", "row of the keyboard"),
    ],
)
def test_passwords_that_are_not_taken(password: str, expected: str) -> None:
    found = refusal(password, "kim.example")
    assert found is not None
    assert expected in found or (expected == "12" and "256" in found)


@pytest.mark.parametrize(
    "password",
    [
        "a dozen words",  # blanks count, and nothing has to be upper case
        "Zwölf Boxkämpfer",
        "gate-7-light-is-out",
        "kim.example has a long sentence",
        "\N{GRINNING FACE}" * 3 + "different parts",
    ],
)
def test_passwords_that_are(password: str) -> None:
    assert refusal(password, "kim.example") is None


def test_made_passwords_are_taken() -> None:
    made = {random_password() for _ in range(50)}
    assert len(made) == 50
    assert [refusal(password, "admin") for password in made] == [None] * 50


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    found = Passwords(CHEAP)
    yield found
    found.close()


async def test_a_password_is_compared(passwords: Passwords) -> None:
    kept = await passwords.hash("correct sentence")
    assert await passwords.matches(kept, "correct sentence")
    assert not await passwords.matches(kept, "another sentence")
    assert not await passwords.matches(None, "correct sentence")
    assert not await passwords.matches(Secret("no hash"), "correct sentence")
    assert kept.reveal().startswith("$argon2id$")


async def test_it_is_the_same_on_another_keyboard(passwords: Passwords) -> None:
    kept = await passwords.hash("Zwo\u0308lf Boxka\u0308mpfer")
    assert await passwords.matches(kept, "Zw\u00f6lf Boxk\u00e4mpfer")


async def test_nobodys_password_costs_what_a_password_costs(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    verify = Passwords._compare

    def watched(self: Passwords, kept: str, password: str) -> bool:
        compared.append(kept.rpartition("$")[0].rpartition("$")[0])
        return verify(self, kept, password)

    monkeypatch.setattr(Passwords, "_compare", watched)
    kept = await passwords.hash("correct sentence")
    await passwords.matches(kept, "another sentence")
    await passwords.matches(None, "another sentence")
    assert len(compared) == 2
    assert compared[0] == compared[1]  # the same parameters


async def test_other_parameters_are_noticed(passwords: Passwords) -> None:
    older = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    assert passwords.outdated(Secret(older.hash("correct sentence")))
    assert not passwords.outdated(await passwords.hash("correct sentence"))


async def test_the_parameters_are_rfc_9106s() -> None:
    found = Passwords()
    kept = await found.hash("correct sentence")
    found.close()
    assert "$m=65536,t=3,p=4$" in kept.reveal()


async def test_too_many_are_told_so(passwords: Passwords) -> None:
    kept = await passwords.hash("correct sentence")
    most = AT_ONCE + WAITING
    await passwords.matches(kept, "to have nobody's hash")
    found = await asyncio.gather(
        *(passwords.matches(kept, "correct sentence") for _ in range(most + 5)),
        return_exceptions=True,
    )
    assert found.count(True) == most
    assert len([one for one in found if isinstance(one, Overloaded)]) == 5
    assert await passwords.matches(kept, "correct sentence")  # and room again


SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
STEP = int(NOW.timestamp()) // 30


@pytest.mark.parametrize(
    ("off", "taken", "expected"),
    [
        (0, 0, STEP),
        (-1, 0, STEP - 1),  # typed as it changed
        (1, 0, STEP + 1),  # the phone's clock is ahead
        (-2, 0, None),
        (2, 0, None),
        (0, STEP, None),  # taken already
        (-1, STEP, None),  # an older one than was taken
        (1, STEP, STEP + 1),
    ],
)
def test_a_code_is_good_once_and_near_its_time(off: int, taken: int, expected: int | None) -> None:
    code = pyotp.TOTP(SECRET).generate_otp(STEP + off)
    assert factor.step_of(SECRET, code, NOW, taken) == expected


def test_another_secrets_code() -> None:
    code = pyotp.TOTP("A" * 32).generate_otp(STEP)
    assert factor.step_of(SECRET, code, NOW, 0) is None


def test_the_picture_is_an_svg_without_scripts() -> None:
    uri = factor.uri_of(SECRET, "kim")
    assert uri.startswith("otpauth://totp/Watchfloor:kim?")
    root = ET.fromstring(factor.picture(uri))  # noqa: S314 - ours
    assert root.tag.endswith("svg")
    assert {child.tag.rpartition("}")[2] for child in root.iter()} == {"svg", "path"}


def test_recovery_codes() -> None:
    codes = factor.fresh_codes()
    assert len(set(codes)) == 10
    assert all(not factor.is_totp(code) for code in codes)
    assert factor.normal_code(codes[0].upper().replace("-", " ")) == factor.normal_code(codes[0])
    assert len(factor.normal_code(codes[0])) == 16
