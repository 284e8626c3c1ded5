"""Addresses, and what an error of the network is called."""

from __future__ import annotations

import errno
import ssl

import pytest

from agents.watch.drivers.base import DriverError, Fault
from agents.watch.drivers.net import Place, fault_of, host_of, place_of


@pytest.mark.parametrize(
    ("address", "scheme", "expected"),
    [
        ("10.0.0.2:8000", "tcp", Place(scheme="tcp", host="10.0.0.2", port=8000)),
        ("nvr.local", "http", Place(scheme="http", host="nvr.local", port=80)),
        ("https://nvr/a?b=1", "http", Place(scheme="https", host="nvr", port=443, path="/a?b=1")),
        ("rtsp://cam/s", "rtsp", Place(scheme="rtsp", host="cam", port=554, path="/s")),
        ("[fe80::1]:80", "http", Place(scheme="http", host="fe80::1", port=80)),
        ("nvr", "tls", Place(scheme="tls", host="nvr", port=443)),
    ],
)
def test_places(address: str, scheme: str, expected: Place) -> None:
    assert place_of(address, scheme) == expected
    assert host_of(address) == expected.host


@pytest.mark.parametrize(
    "address",
    [
        "",
        "   ",
        "nvr",
        "nvr:0",
        "nvr:65536",
        "http://",
        "user:pw@nvr:80",
        "a b:80",
        "[::1:80",
        "n\nx:1",
    ],
)
def test_what_is_no_place(address: str) -> None:
    with pytest.raises(DriverError) as caught:
        place_of(address, "tcp")
    assert caught.value.fault is Fault.ADDRESS
    assert "pw" not in str(caught.value)


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (TimeoutError(), Fault.TIMEOUT),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), Fault.REFUSED),
        (ConnectionResetError(errno.ECONNRESET, "reset"), Fault.REFUSED),
        (EOFError(), Fault.REFUSED),
        (OSError(errno.EHOSTUNREACH, "no route"), Fault.UNREACHABLE),
        (OSError("all attempts failed"), Fault.UNREACHABLE),
        (caused(OSError("all attempts failed"), ConnectionRefusedError()), Fault.REFUSED),
        (ssl.SSLCertVerificationError(1, "self-signed"), Fault.CERTIFICATE),
        (caused(OSError("x"), ssl.SSLCertVerificationError(1, "self-signed")), Fault.CERTIFICATE),
        (ssl.SSLError(1, "wrong version number"), Fault.TLS),
        # Of this machine, and not of the device.
        (OSError(errno.EMFILE, "too many open files"), Fault.DEFECT),
        (caused(OSError("x"), OSError(errno.ENOBUFS, "no buffers")), Fault.DEFECT),
        (ValueError("secret"), Fault.GARBAGE),
    ],
)
def test_faults(error: BaseException, fault: Fault) -> None:
    found = fault_of(error)
    assert found.fault is fault
    assert "secret" not in str(found)
