"""Access tokens: what is taken, and everything that is not."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import OctKey, RSAKey

from api.account.access import (
    Claims,
    NoTokenError,
    UnknownKeyError,
    key_id_of,
    mint,
    new_key,
    read,
)
from api.account.records import ACCESS_FOR, Method

NOW = datetime(2026, 3, 2, 22, tzinfo=UTC)
KEY = new_key()
OTHER = new_key()
PUBLIC = {str(KEY.kid): RSAKey.import_key(dict(KEY.as_dict(private=False)))}
ISSUER = "urn:watchfloor:watchfloor"


def token(key: RSAKey = KEY, **more: Any) -> str:
    given: dict[str, Any] = {
        "issuer": ISSUER,
        "account_id": "u-1",
        "session_id": "s-1",
        "method": Method.PASSWORD,
        "now": NOW,
    }
    return mint(key, **(given | more)).reveal()


def check(text: str, now: datetime = NOW) -> Claims:
    return read(text, PUBLIC, issuer=ISSUER, now=now)


def forged(header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token of ours with other claims, or another header; None takes one away."""
    body = msgspec.to_builtins(check(token())) | claims
    body = {name: value for name, value in body.items() if value is not None}
    said = {"alg": "RS256", "typ": "at+jwt", "kid": KEY.kid} | (header or {})
    said = {name: value for name, value in said.items() if value is not None}
    bare = {n: v for n, v in KEY.as_dict(private=True).items() if n not in ("alg", "use")}
    key = RSAKey.import_key(bare)
    return jwt.encode(said, body, key, algorithms=["RS256", "RS512", "PS256"], default_type=None)


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).rstrip(b"=").decode()


def test_a_token_says_whose_it_is() -> None:
    claims = check(token())
    assert (claims.sub, claims.sid, claims.amr) == ("u-1", "s-1", (Method.PASSWORD,))
    assert claims.exp - claims.iat == ACCESS_FOR.total_seconds()
    assert check(token()).jti != claims.jti


@pytest.mark.parametrize(
    ("after", "good"),
    [
        (timedelta(0), True),
        (ACCESS_FOR - timedelta(seconds=1), True),
        (ACCESS_FOR, False),
        (timedelta(days=1), False),
        (-timedelta(seconds=30), True),  # the other façade's clock is ahead
        (-timedelta(seconds=31), False),
    ],
)
def test_a_token_is_good_for_its_time(after: timedelta, good: bool) -> None:
    text = token()
    if good:
        assert check(text, NOW + after).sub == "u-1"
    else:
        with pytest.raises(NoTokenError):
            check(text, NOW + after)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "urn:watchfloor:wf_other"},
        {"aud": "another"},
        {"aud": ["watchfloor-api"]},
        {"exp": None},
        {"iat": None},
        {"nbf": None},
        {"jti": None},
        {"sid": None},
        {"sub": None},
        {"sub": 7},
        {"amr": []},
        {"amr": ["magic"]},
        {"exp": int(NOW.timestamp()) + 86_400},  # good for longer than ours ever are
        {"exp": "never"},
        {"exp": 1e300},
        {"nbf": int(NOW.timestamp()) + 60},
    ],
)
def test_claims_that_are_not_ours(claims: dict[str, Any]) -> None:
    with pytest.raises(NoTokenError):
        check(forged(**claims))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "RS512"},
        {"alg": "PS256"},
        {"typ": "JWT"},
        {"typ": None},
        {"kid": None},
        {"jku": "http://127.0.0.1/keys"},
        {"jwk": KEY.as_dict(private=False)},
        {"x5u": "http://127.0.0.1/cert"},
        {"cty": "JWT"},
    ],
)
def test_headers_that_are_not_ours(header: dict[str, Any]) -> None:
    with pytest.raises(NoTokenError):
        check(forged(header))


def test_no_algorithm_at_all() -> None:
    claims = token().split(".")[1]
    for alg in ("none", "None", "NONE", ""):
        header = part({"alg": alg, "typ": "at+jwt", "kid": KEY.kid})
        for signature in ("", token().split(".")[2]):
            with pytest.raises(NoTokenError):
                check(f"{header}.{claims}.{signature}")


def test_the_public_key_is_no_shared_secret() -> None:
    """RS256's public key, taken for HS256's secret."""
    pem = PUBLIC[str(KEY.kid)].as_pem(private=False)
    secret = OctKey.import_key(base64.b64encode(pem))
    body = msgspec.json.encode(check(token()))
    header = {"alg": "HS256", "typ": "at+jwt", "kid": KEY.kid}
    text = jws.serialize_compact(header, body, secret, algorithms=["HS256"])
    with pytest.raises(NoTokenError):
        check(text)


def test_another_key_under_our_name() -> None:
    text = token(OTHER)
    with pytest.raises(UnknownKeyError):
        check(text)
    header = part({"alg": "RS256", "typ": "at+jwt", "kid": KEY.kid})
    with pytest.raises(NoTokenError):
        check(".".join([header, *text.split(".")[1:]]))


def test_each_bit_counts() -> None:
    text = token()
    for place in range(0, len(text), 7):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        # The last letter of base64 has bits that nothing says.
        if place != len(text) - 1:
            with pytest.raises(NoTokenError):
                check(changed)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(max_size=200),
        st.lists(st.text("AZaz09-_=.", max_size=60), min_size=3, max_size=4).map(".".join),
        st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=5).map(
            lambda header: f"{part(header)}.{part({})}.AAAA"
        ),
    )
)
def test_anything_else_is_no_token(text: str) -> None:
    with pytest.raises(NoTokenError):
        check(text)


def test_a_deep_header_is_no_token() -> None:
    deep = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 50_000).rstrip(b"=").decode()
    with pytest.raises(NoTokenError):
        key_id_of(f"{deep}.e30.AAAA")
