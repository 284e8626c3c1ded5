"""The API's certificate: made to try, looked at before it is used, known by local programs."""

from __future__ import annotations

import shutil
import socket
import ssl
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.errors import SettingsError
from infra.settings import Settings
from infra.tls import Renewal, Tls, fingerprint, local_context, self_signed, tls_of

NAMES = ("watch.example.org", "192.0.2.5")


@pytest.fixture
def made(tmp_path: Path) -> Tls:
    return self_signed(tmp_path / "tls", NAMES, datetime.now(UTC))


def test_a_certificate_to_try(made: Tls) -> None:
    found = tls_of(Settings(api_tls_cert=made.cert, api_tls_key=made.key))
    assert found is not None
    assert set(found.names) == {*NAMES, "localhost", "127.0.0.1", "::1"}
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert len(fingerprint(made.cert)) == 32 * 3 - 1


def shown(server: ssl.SSLContext) -> bytes:
    """The certificate that whoever connects now is shown."""
    near, far = socket.socketpair()

    def answer() -> None:
        with server.wrap_socket(far, server_side=True) as found:
            found.recv(1)

    thread = threading.Thread(target=answer)
    thread.start()
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(near) as found:
        seen = found.getpeercert(binary_form=True)
        found.send(b"x")
    thread.join()
    assert seen is not None
    return seen


def test_a_renewed_certificate_is_taken_up(made: Tls, caplog: pytest.LogCaptureFixture) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.cert, made.key)
    renewal = Renewal(Settings(api_tls_cert=made.cert, api_tls_key=made.key))
    before = shown(server)
    assert not renewal.look(server)
    # Half of it is there: the old one stays, and it is looked again.
    text = made.cert.read_bytes()
    made.cert.write_bytes(b"")
    assert not renewal.look(server)
    assert "not taken" in caplog.text
    assert shown(server) == before
    made.cert.write_bytes(text)
    self_signed(made.cert.parent, NAMES, datetime.now(UTC))
    assert renewal.look(server)
    assert shown(server) != before
    assert not renewal.look(server)


def test_without_one_there_is_no_tls() -> None:
    assert tls_of(Settings()) is None
    assert local_context(Settings()) is None


def test_what_is_wrong_is_named(made: Tls, tmp_path: Path) -> None:
    other = self_signed(tmp_path / "other", (), datetime.now(UTC))
    readable = tmp_path / "readable.pem"
    shutil.copy(made.key, readable)
    readable.chmod(0o644)
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    text.chmod(0o600)
    for cert, key, said in (
        (made.cert, None, "api_tls_key is not"),
        (None, made.key, "api_tls_cert is not"),
        (tmp_path / "none.pem", made.key, "api_tls_cert: .*No such file"),
        (made.cert, tmp_path / "none.pem", "api_tls_key: .*No such file"),
        (text, made.key, "no certificate in PEM"),
        (made.cert, text, "not the key of"),
        (made.cert, other.key, "not the key of"),
        (made.cert, readable, "others can read"),
    ):
        with pytest.raises(SettingsError, match=said):
            tls_of(Settings(api_tls_cert=cert, api_tls_key=key))


@pytest.mark.parametrize("ours", [True, False])
def test_a_local_program_knows_the_certificate_itself(
    made: Tls, tmp_path: Path, ours: bool
) -> None:
    """By any address; and no other certificate, whatever its names."""
    shown = made if ours else self_signed(tmp_path / "other", NAMES, datetime.now(UTC))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(shown.cert, shown.key)
    near, far = socket.socketpair()

    def answer() -> None:
        try:
            with server.wrap_socket(far, server_side=True) as found:
                found.recv(1)
        except OSError:
            far.close()

    thread = threading.Thread(target=answer)
    thread.start()
    context = local_context(Settings(api_tls_cert=made.cert, api_tls_key=made.key))
    assert context is not None
    try:
        if ours:
            context.wrap_socket(near, server_hostname="127.0.0.9").close()
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                context.wrap_socket(near, server_hostname="127.0.0.1")
    finally:
        near.close()
        thread.join()
