"""Whom another's sign-in says somebody is, and what that is here: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from api.account.fields import RESERVED
from api.account.identity import ROLE_SCOPES, Role
from infra.errors import SettingsError
from schemas.base import ID_PATTERN

__all__ = ["Mapper", "Person", "RefusedError", "mapper", "names", "person_of"]

MOST_VALUES: Final = 1000
ALL_SITES: Final = "*"


class RefusedError(Exception):
    """Somebody is not let in; why, for the log and the audit."""


class Mapper(Struct, frozen=True, kw_only=True):
    """Which claims say what. sites_claim: None where everybody sees every site."""

    name_claim: str
    role_claim: str
    roles: Mapping[str, Role]
    sites_claim: str | None


class Person(Struct, frozen=True, kw_only=True):
    """Somebody, as the provider says and as it is here."""

    issuer: str
    subject: str
    name: str
    role: Role
    sites: frozenset[str] | None


def mapper(
    name_claim: str, role_claim: str, roles: Sequence[str], sites_claim: str | None
) -> Mapper:
    """What the settings say. Raises SettingsError for an entry that is no VALUE=ROLE."""
    found = {}
    for entry in roles:
        # A group's name may have `=` itself: cn=soc,ou=groups.
        value, _, role = entry.rpartition("=")
        if not value or role not in set(Role):
            raise SettingsError(
                f"oidc_roles: {entry[:80]!r} is no VALUE=ROLE",
                hint="For example soc-analysts=operator; roles are viewer, operator, admin.",
            )
        found[value] = Role(role)
    return Mapper(
        name_claim=name_claim, role_claim=role_claim, roles=found, sites_claim=sites_claim
    )


def person_of(claims: Mapping[str, Any], mapping: Mapper) -> Person:
    """Who that is. Raises RefusedError where nothing says what they may do."""
    issuer, subject = claims.get("iss"), claims.get("sub")
    if not isinstance(issuer, str) or not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise RefusedError("no subject")
    roles = [
        mapping.roles[value]
        for value in _values(claims.get(mapping.role_claim))
        if value in mapping.roles
    ]
    if not roles:
        raise RefusedError("no role")
    sites: frozenset[str] | None = None
    if mapping.sites_claim is not None:
        given = _values(claims.get(mapping.sites_claim))
        if ALL_SITES not in given:
            sites = frozenset(value for value in given if re.fullmatch(ID_PATTERN, value))
    return Person(
        issuer=issuer,
        subject=subject,
        name=_name(claims.get(mapping.name_claim)),
        role=max(roles, key=lambda role: len(ROLE_SCOPES[role])),
        sites=sites,
    )


def names(person: Person, digest: str) -> tuple[str, ...]:
    """What the account may be called: the first of these that nobody has.

    A name that is taken is somebody else's: who signs in elsewhere never becomes them.
    """
    return (person.name, f"{person.name[:50]}-{digest[:6]}", f"sso-{digest[:24]}")


def _values(claim: Any) -> list[str]:
    """A claim that is a word, words with blanks between, or a list."""
    if isinstance(claim, str):
        # A name with a blank in it is one value as well as two.
        return [claim, *claim.split()][:MOST_VALUES]
    if isinstance(claim, list):
        return [value for value in claim[:MOST_VALUES] if isinstance(value, str)]
    return []


def _name(claim: Any) -> str:
    """What a name may hold of what is said; never one that means something else."""
    found = re.sub(r"[^A-Za-z0-9._@+-]+", ".", claim if isinstance(claim, str) else "")[:63]
    found = found.lstrip("._@+-").rstrip(".")
    return found if found and found.lower() not in RESERVED else "sso"
