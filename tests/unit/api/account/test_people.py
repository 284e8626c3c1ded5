"""What a provider's word about somebody is here."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.account.fields import RESERVED
from api.account.identity import Role
from api.account.signin.people import RefusedError, mapper, names, person_of
from api.account.signin.service import folded
from infra.errors import SettingsError

MAPPING = mapper(
    "preferred_username",
    "groups",
    ("soc=operator", "cn=soc-lead,ou=groups=admin", "everyone=viewer"),
    "sites",
)
ISSUER = "https://id.example.org"


def claims(**more: Any) -> dict[str, Any]:
    return {
        "iss": ISSUER,
        "sub": "248289761001",
        "preferred_username": "kim",
        "groups": ["soc"],
        "sites": ["north", "south"],
    } | more


def test_somebody_gets_role_and_sites() -> None:
    person = person_of(claims(), MAPPING)
    assert (person.name, person.role) == ("kim", Role.OPERATOR)
    assert person.sites == frozenset({"north", "south"})


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["everyone", "soc"], Role.OPERATOR),  # the highest counts
        (["everyone"], Role.VIEWER),
        (["cn=soc-lead,ou=groups"], Role.ADMIN),
        ("soc", Role.OPERATOR),
        ("everyone soc", Role.OPERATOR),
        (["soc", 7, None, {"a": 1}], Role.OPERATOR),
    ],
)
def test_roles(groups: Any, role: Role) -> None:
    assert person_of(claims(groups=groups), MAPPING).role is role


@pytest.mark.parametrize("groups", [[], None, "admin", ["SOC"], {"soc": True}, 7, ["admin", "x"]])
def test_without_a_role_nobody_is_let_in(groups: Any) -> None:
    with pytest.raises(RefusedError, match="no role"):
        person_of(claims(groups=groups), MAPPING)


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        (["*"], None),
        ("north", {"north"}),
        ([], set()),
        (None, set()),
        (["north", "../../x", "", 7], {"north"}),
    ],
)
def test_sites(sites: Any, expected: set[str] | None) -> None:
    assert person_of(claims(sites=sites), MAPPING).sites == expected


def test_without_a_claim_for_them_everybody_sees_every_site() -> None:
    mapping = mapper("preferred_username", "groups", ("soc=operator",), None)
    assert person_of(claims(), mapping).sites is None


@pytest.mark.parametrize("subject", [None, "", 7, "x" * 256])
def test_nobody_without_a_subject(subject: Any) -> None:
    with pytest.raises(RefusedError, match="no subject"):
        person_of(claims(sub=subject), MAPPING)


@given(st.one_of(st.text(max_size=100), st.none(), st.integers()))
def test_whatever_the_name_is_it_can_be_one(name: Any) -> None:
    person = person_of(claims(preferred_username=name), MAPPING)
    for one in names(person, "0123456789abcdef" * 2):
        assert folded(one) == one.lower()
        assert one.lower() not in RESERVED
        assert "/" not in one  # a service token's has one


@pytest.mark.parametrize("entry", ["soc", "soc=", "=admin", "soc=root", "soc=Admin"])
def test_an_entry_that_is_no_mapping(entry: str) -> None:
    with pytest.raises(SettingsError, match="oidc_roles"):
        mapper("preferred_username", "groups", (entry,), None)
