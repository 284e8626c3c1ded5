"""Answers to a 401: an RFC's example, a library's answers, RFC 2069's form, and nonsense."""

from __future__ import annotations

import hashlib
import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.watch.drivers.challenge import answer

REALM, NONCE = "http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFsH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
RFC = (
    f'Digest realm="{REALM}", qop="auth, auth-int", algorithm={{}}, '
    f'nonce="{NONCE}", opaque="{OPAQUE}"'
)


def fields(header: str | None) -> dict[str, str]:
    assert header is not None
    assert header.startswith("Digest ")
    return {
        name: quoted or plain
        for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^, ]+))', header)
    }


def test_the_example_of_rfc_2617() -> None:
    """Section 3.5; RFC 7616 keeps the computation."""
    challenge = (
        'Digest realm="testrealm@host.com", qop="auth,auth-int", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    found = fields(
        answer([challenge], "GET", "/dir/index.html", "Mufasa", "Circle Of Life", "0a4f113b")
    )
    assert found["response"] == "6629fae49393a05397450978507c4ef1"
    assert found["opaque"] == "5ccc069c403ebaf9f0171e9517f40e41"
    assert (found["qop"], found["nc"], found["cnonce"]) == ("auth", "00000001", "0a4f113b")


@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess", "SHA-256"])
def test_a_library_answers_the_same(algorithm: str) -> None:
    challenge = RFC.format(algorithm)
    flow = httpx.DigestAuth("user", "pass:word").auth_flow(httpx.Request("GET", "http://c/a?b=1"))
    request = next(flow)
    asked = flow.send(httpx.Response(401, headers={"WWW-Authenticate": challenge}, request=request))
    expected = fields(asked.headers["Authorization"])
    found = answer([challenge], "GET", "/a?b=1", "user", "pass:word", expected["cnonce"])
    assert fields(found) == expected


def test_the_better_algorithm_is_taken_and_digest_before_basic() -> None:
    offers = ['Basic realm="x"', RFC.format("MD5"), RFC.format("SHA-256")]
    assert fields(answer(offers, "GET", "/", "u", "p", "c"))["algorithm"] == "SHA-256"
    assert fields(answer(offers[:2], "GET", "/", "u", "p", "c"))["algorithm"] == "MD5"


def test_without_qop_it_is_as_cameras_have_it() -> None:
    found = fields(
        answer(['Digest realm="cam", nonce="n"'], "DESCRIBE", "rtsp://c/", "u", "p", "c")
    )

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    assert found["response"] == md5(f"{md5('u:cam:p')}:n:{md5('DESCRIBE:rtsp://c/')}")
    assert "qop" not in found
    assert "algorithm" not in found


def test_basic() -> None:
    found = answer(['Basic realm="x"'], "GET", "/", "Aladdin", "open sesame", "c")
    assert found == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


@pytest.mark.parametrize(
    "offers",
    [[], [""], ["Negotiate"], ["Digest"], ["Digest realm=x"], ["Digest nonce=n, algorithm=X"]],
)
def test_what_we_cannot_do_is_not_answered(offers: list[str]) -> None:
    assert answer(offers, "GET", "/", "u", "p", "c") is None


@given(st.lists(st.text(max_size=200).map(lambda text: "Digest " + text), max_size=3))
def test_nothing_that_a_device_says_breaks_it(offers: list[str]) -> None:
    found = answer(offers, "GET", "/", "u", "secret-word", "c")
    assert found is None or "secret-word" not in found


def test_what_is_quoted_stays_within_its_quotes() -> None:
    found = answer(['Digest realm="a\\"b", nonce="n"'], "GET", "/", 'u"x', "p", "c")
    assert found is not None
    assert 'username="u\\"x"' in found
    assert 'realm="a\\"b"' in found
