"""The API's certificate: found, checked, and, for a first try, made."""

from __future__ import annotations

import ipaddress
import logging
import ssl
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.errors import SettingsError
from infra.secrets import write_private

if TYPE_CHECKING:
    from cryptography import x509

    from infra.settings import Settings

__all__ = ["Renewal", "Tls", "fingerprint", "local_context", "self_signed", "tls_of"]

log = logging.getLogger("watchfloor.tls")

MOST_BYTES: Final = 1_048_576
VALID: Final = timedelta(days=90)
SKEW: Final = timedelta(hours=1)
"""A browser whose clock is behind takes it too."""


@dataclass(frozen=True, kw_only=True)
class Tls:
    """A certificate that was looked at. names: hosts and addresses that it is for."""

    cert: Path
    key: Path
    names: tuple[str, ...]


def tls_of(settings: Settings) -> Tls | None:
    """What the settings name; None where they name nothing.

    Raises SettingsError for a certificate without a key or the other way round, for files that
    cannot be read or do not belong together, and for a key that others may read.
    """
    cert, key = settings.api_tls_cert, settings.api_tls_key
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        given, other = ("api_tls_key", "api_tls_cert") if cert is None else _CERT_ONLY
        raise SettingsError(f"{given} is set, and {other} is not", hint="TLS takes both.")
    found = _leaf(cert)
    _check_key(key)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=_no_password)
    except (ssl.SSLError, ValueError):
        raise SettingsError(
            f"api_tls_key: {key} is not the key of {cert}, or is encrypted",
            hint="Name the key that the certificate was made for, without a passphrase.",
        ) from None
    return Tls(cert=cert, key=key, names=_names(found))


_CERT_ONLY: Final = ("api_tls_cert", "api_tls_key")


def _no_password() -> str:
    # Else OpenSSL asks at the terminal, which a service does not have.
    raise ValueError("encrypted")


def _leaf(path: Path) -> x509.Certificate:
    from cryptography import x509

    try:
        with path.open("rb") as file:
            return x509.load_pem_x509_certificates(file.read(MOST_BYTES))[0]
    except OSError as error:
        raise SettingsError(f"api_tls_cert: {path}: {error.strerror}") from None
    except ValueError:
        raise SettingsError(f"api_tls_cert: {path} is no certificate in PEM") from None


def _check_key(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SettingsError(f"api_tls_key: {path}: {error.strerror}") from None
    # A group of its own for keys is how distributions share them between services.
    if mode & (stat.S_IWGRP | stat.S_IRWXO):
        raise SettingsError(
            f"api_tls_key: {path} has mode {stat.S_IMODE(mode):04o}, so others can read or change "
            "it",
            hint=f"Close it: chmod 600 '{path}'",
        )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    hosts = found.get_values_for_type(x509.DNSName)
    addresses = found.get_values_for_type(x509.IPAddress)
    return tuple(name.lower() for name in (*hosts, *map(str, addresses)))


class Renewal:
    """Takes up a certificate that was renewed, for connections from then on.

    One that is none, or only half written, is told in the log, and the old one stays.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen = self._stamp()

    def look(self, context: ssl.SSLContext) -> bool:
        """Whether there was a new one, and `context` has it now."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        try:
            found = tls_of(self._settings)
            if found is None:
                return False
            context.load_cert_chain(found.cert, found.key)
        except (SettingsError, OSError, ssl.SSLError) as error:
            log.error("the new certificate is not taken: %s", error)
            return False
        self._seen = stamp
        log.info("the certificate was renewed: %s", fingerprint(found.cert))
        return True

    def _stamp(self) -> tuple[object, ...]:
        stamps: list[object] = []
        for path in (self._settings.api_tls_cert, self._settings.api_tls_key):
            try:
                state = None if path is None else path.stat()
            except OSError:
                state = None
            stamps.append(None if state is None else (state.st_ino, state.st_mtime_ns))
        return tuple(stamps)


def local_context(settings: Settings) -> ssl.SSLContext | None:
    """How a program of this machine checks that it speaks to our API; None without TLS.

    It knows the certificate itself: neither its name, which is not the address that this machine
    uses, nor who signed it matters then.
    """
    if settings.api_tls_cert is None:
        return None
    from cryptography.hazmat.primitives.serialization import Encoding

    pem = _leaf(settings.api_tls_cert).public_bytes(Encoding.PEM).decode()
    context = ssl.create_default_context(cadata=pem)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    return context


def fingerprint(cert: Path) -> str:
    """A certificate's SHA-256, as browsers show it."""
    from cryptography.hazmat.primitives import hashes

    return _leaf(cert).fingerprint(hashes.SHA256()).hex(":").upper()


def self_signed(folder: Path, names: Sequence[str], now: datetime) -> Tls:
    """A certificate of our own for these names and loopback, and its key; replaces what is there.

    For a first try: browsers warn of it. now: when it begins to be valid, about.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    wanted = tuple(dict.fromkeys((*names, "localhost", "127.0.0.1", "::1")))
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Watchfloor")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in wanted]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    found = Tls(cert=folder / "cert.pem", key=folder / "key.pem", names=wanted)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(found.key, private)
    write_private(found.cert, certificate.public_bytes(serialization.Encoding.PEM))
    return found


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
