"""Every fuzz target by its seeds and by what is made of them without guidance, in moments each.

`watchfloor fuzz` does the same for as long as one likes, led by coverage.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws

from api.account.access import new_key, read
from api.event.vendors.reading import messages
from infra.fleet.device import SimDevice
from infra.fuzz import seeds
from infra.fuzz.run import chosen, read_output
from infra.fuzz.targets import NOW, TARGETS, Finding, FuzzTarget, probe
from infra.onboard.described import Described
from infra.onboard.discovery import matches_in
from schemas.document_reader import examine

BUSY_S = 20.0
"""A test's machine may be slow; an input that never ends is found all the same."""

TOKENS = (
    *(b"<", b">", b"&", b"]]>", b"<!DOCTYPE a>", b"{", b"[", b"{{", b"{%", b'"', b"\\", b"\x00"),
    *(b"\xff", b"\xef\xbb\xbf", b"-1", b"1e999", b"9" * 30, b"0001-01-01T00:00:00+14:00", b"=~"),
    *(b"&#0;", b"&x;", b"\r\n\r\n", b"--boundary", b"\xf0\x9f\x92\xa9", b"NaN", b"null", b"(a*)*"),
)


@st.composite
def mutations(draw: st.DrawFn, target: FuzzTarget) -> bytes:
    """A seed with some of it cut out, doubled, or put in place of something else."""
    data = draw(st.sampled_from(target.seeds()))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        middle = draw(
            st.sampled_from(TOKENS) | st.binary(max_size=6) | st.just(data[start:end] * 2)
        )
        data = data[:start] + middle + data[end:]
    return data[: target.longest]


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name: str) -> None:
    target = TARGETS[name]
    assert len(target.seeds()) >= 2
    for seed in target.seeds():
        probe(target, seed, seconds=BUSY_S)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_made_of_seeds(name: str) -> None:
    target = TARGETS[name]
    for seed in target.seeds():
        # What is made once is not the first example's.
        probe(target, seed, seconds=BUSY_S)

    @given(mutations(target))
    @settings(
        max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    def check(data: bytes) -> None:
        probe(target, data, seconds=BUSY_S)

    check()


def test_an_exception_that_a_target_does_not_name_gets_out() -> None:
    def raises(data: bytes) -> None:
        raise LookupError(data) if data else ValueError

    target = FuzzTarget("x", "", raises, list, (ValueError,))
    probe(target, b"")
    with pytest.raises(LookupError):
        probe(target, b"x")


def test_an_input_that_takes_too_long_is_a_finding() -> None:
    def works(data: bytes) -> int:
        return sum(range(200_000))

    with pytest.raises(Finding, match=r"takes .* of the processor"):
        probe(FuzzTarget("x", "", works, list, ()), b"", seconds=0.0)


def test_seeds_reach_what_they_are_for() -> None:
    """A seed that is refused at the door leads nowhere."""
    assert examine(seeds.documents()[0]).problems == ()
    assert len(messages(seeds.DAHUA_LINES, "text/plain").messages) == 2
    together = messages(seeds.events()[5], "multipart/mixed; boundary=boundary")
    assert (len(together.messages), len(together.pictures)) == (1, 1)
    camera = SimDevice(device_id="c", kind="onvif", port=8000)
    read = TARGETS["cameras"].run(seeds.taken_on(camera)[-1])
    assert isinstance(read, Described)
    assert (read.model, read.channels[0].main.codec) == ("SIM-4", "H264")
    assert any(matches_in(seed, "192.0.2.10", seeds.MESSAGE) for seed in seeds.answers())


def test_all_is_all() -> None:
    assert chosen("all") == list(TARGETS.values())
    with pytest.raises(KeyError):
        chosen("nothing")


CRASHED = """\
INFO: Loaded 1 modules
#2	INITED cov: 12 ft: 12 corp: 1/1b exec/s: 0 rss: 50Mb
#900	NEW    cov: 31 ft: 40 corp: 3/9b lim: 4 exec/s: 0 rss: 51Mb

 === Uncaught Python exception: ===
KeyError: 'site'
Traceback (most recent call last):
==7== ERROR: libFuzzer: fuzz target exited
artifact_prefix='/s/'; Test unit written to /s/crash-abc
stat::number_of_executed_units: 901
"""


def test_what_libfuzzer_says() -> None:
    found = read_output("cv", 60, CRASHED, 77)
    assert (found.inputs, found.covered) == (901, 31)
    assert (found.finding, found.input) == ("KeyError: 'site'", "/s/crash-abc")
    well = read_output("cv", 60, CRASHED.partition("\n\n")[0], 0)
    assert (well.finding, well.input, well.covered) == (None, None, 31)
    assert read_output("cv", 60, "", 1).finding == "it ended at once"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("matchers", b'x=~"\x80"'),  # no UTF-8: RE2 cannot be asked
    ],
)
def test_what_was_found_stays_mended(name: str, data: bytes) -> None:
    probe(TARGETS[name], data, seconds=BUSY_S)


def test_a_token_of_ours_with_its_claims_is_read() -> None:
    key = new_key()
    header = {"alg": "RS256", "typ": "at+jwt", "kid": key.kid}
    token = jws.serialize_compact(header, seeds.tokens()[0], key, algorithms=["RS256"])
    assert read(token, {str(key.kid): key}, issuer="watchfloor", now=NOW).sub == "a"


@pytest.mark.parametrize("digits", ["60", "1499999999999", "9" * 30, "9" * 5000, "-1", ""])
def test_a_devices_time_that_is_none_is_no_defect(digits: str) -> None:
    told = next(seed for seed in TARGETS["onvif"].seeds() if b"<tt:Minute>14<" in seed)
    wrong = told.replace(b"<tt:Minute>14<", f"<tt:Minute>{digits}<".encode())
    assert wrong != told
    probe(TARGETS["onvif"], wrong, seconds=BUSY_S)
