"""Which addresses a notification may go to."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.notify.errors import ChannelError
from agents.notify.targets import NOWHERE_INTERNAL, Policy, policy_of, refusal, resolve
from schemas.document import SiteNotifications

ANY_INTERNAL = Policy(internal=True)


def network(text: str) -> Policy:
    return Policy(networks=(ipaddress.ip_network(text),))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "169.254.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.2.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::1",
    ],
)
def test_internal_addresses_are_refused_however_they_are_written(address: str) -> None:
    assert refusal(ipaddress.ip_address(address), NOWHERE_INTERNAL) is not None


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_not(address: str) -> None:
    assert refusal(ipaddress.ip_address(address), NOWHERE_INTERNAL) is None


@pytest.mark.parametrize(
    ("address", "policy", "allowed"),
    [
        ("10.1.2.3", ANY_INTERNAL, True),
        ("127.0.0.1", ANY_INTERNAL, True),
        ("::1", ANY_INTERNAL, True),
        ("224.0.0.1", ANY_INTERNAL, False),
        # A metadata service is more than an internal address: it is named, or it is refused.
        ("169.254.169.254", ANY_INTERNAL, False),
        ("::ffff:169.254.169.254", ANY_INTERNAL, False),
        ("fd00:ec2::254", ANY_INTERNAL, False),
        ("168.63.129.16", ANY_INTERNAL, False),
        ("169.254.169.254", network("169.254.169.254/32"), True),
        ("10.1.2.3", network("10.1.0.0/16"), True),
        ("10.2.2.3", network("10.1.0.0/16"), False),
        ("::ffff:10.1.2.3", network("10.1.0.0/16"), True),
        ("fd00::1", network("10.1.0.0/16"), False),
    ],
)
def test_what_a_document_allows(address: str, policy: Policy, allowed: bool) -> None:
    assert (refusal(ipaddress.ip_address(address), policy) is None) is allowed


@given(st.ip_addresses(v=4))
def test_a_v6_spelling_changes_nothing(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    for policy in (NOWHERE_INTERNAL, ANY_INTERNAL):
        assert refusal(mapped, policy) == refusal(address, policy)


def test_the_documents_words_become_a_policy() -> None:
    given_ = SiteNotifications(allowed_networks=("10.0.0.0/8", "no network"))
    assert policy_of(given_) == network("10.0.0.0/8")
    assert policy_of(None) == NOWHERE_INTERNAL
    assert policy_of(SiteNotifications(allow_internal_targets=True)).internal


def names(*addresses: str) -> object:
    async def resolver(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolver


async def test_every_address_of_a_name_is_checked() -> None:
    mixed = names("10.0.0.1", "8.8.8.8", "fe80::1%eth0", "8.8.8.8", "1.1.1.1")
    found = await resolve("h.example.org", 443, NOWHERE_INTERNAL, resolver=mixed)  # type: ignore[arg-type]
    assert found == ["8.8.8.8", "1.1.1.1"]


@pytest.mark.parametrize(
    ("host", "addresses", "said"),
    [
        ("h.example.org", ("127.0.0.1",), "127.0.0.1 is this machine"),
        ("h.example.org", ("169.254.169.254",), "metadata"),
        ("h.example.org", (), "not found"),
        ("127.0.0.1", (), "allow_internal_targets"),
        ("::1", (), "this machine"),
    ],
)
async def test_a_refusal_says_what_and_which_field(
    host: str, addresses: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ChannelError, match=said):
        await resolve(host, 443, NOWHERE_INTERNAL, resolver=names(*addresses))  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "0177.0.0.1", "127.1"])
async def test_odd_spellings_of_loopback_are_resolved_and_refused(host: str) -> None:
    """The system's resolver takes them for addresses; the check sees what it made of them."""
    with pytest.raises(ChannelError):
        await resolve(host, 80, NOWHERE_INTERNAL)
