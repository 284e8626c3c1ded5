"""What can be set: one frozen object, read once, every value with its unit and its origin.

An environment variable wins over `<state>/watchfloor.toml`, that over what `up` wrote down about
the servers it started (`<state>/run/endpoints.json`), that over the default.
"""

# ruff: noqa: RUF009  (setting() is dataclasses.field, with the documentation beside it)
from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from infra.errors import SettingsError
from infra.secrets import Secret, mask_url
from infra.setting_values import (
    Parse,
    as_bytes,
    as_choice,
    as_count,
    as_duration,
    as_host,
    as_namespace,
    as_networks,
    as_path,
    as_port,
    as_secret,
    as_text,
    as_words,
    default_assets,
    default_cache,
    default_state,
    show,
)

__all__ = ["SETTINGS_FILE", "Origin", "Settings", "load"]

SETTINGS_FILE: Final = "watchfloor.toml"
MAX_FILE_BYTES: Final = 262_144

ENV_PREFIX: Final = "WATCHFLOOR_"
NOT_SETTINGS: Final = frozenset(
    {
        "DEBUG",
        "DEV",
        "INSTANCE",
        "HEALTH_PORT",
        "TIME",
        "NOTIFY",
        "PYTHON",
        "RECORDER",
        "SUPERVISED",
    }
)
"""Variables of the prefix that are no settings: the launcher's, and a worker's own identity."""

KAFKA_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
SASL_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")

Origin = str
"""Where a value came from: `default`, `embedded`, `$NAME`, a file's path, or `--option`."""


def setting(doc: str, default: Any, parse: Parse, *, env: str | None = None) -> Any:
    """Declare a setting. env: the variable's name after the prefix, where it is not the field's."""
    return field(
        metadata={"doc": doc, "parse": parse, "env": env},
        **({"default_factory": default} if callable(default) else {"default": default}),
    )


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings:
    """Everything that can be set. Frozen; paths absolute; never shows a password."""

    state_dir: Path = setting(
        "Data, logs, secrets and sockets of what `up` runs. Also: --state",
        default_state,
        as_path,
        env="STATE",
    )
    cache_dir: Path = setting(
        "What is downloaded once for all state directories: the broker's jars, models",
        default_cache,
        as_path,
        env="CACHE",
    )
    assets_dir: Path = setting(
        "Footage and detectors for benches and tests",
        default_assets,
        as_path,
        env="ASSETS",
    )
    namespace: str = setting(
        "Prefix of topics and consumer groups, and name of schema and state; empty: the live one",
        "",
        as_namespace,
    )

    kafka_url: str | None = setting(
        "Brokers, host:port[,host:port]; unset: an embedded Apache Kafka",
        None,
        as_text,
    )
    kafka_security: str = setting(
        "How to talk to the brokers: " + ", ".join(KAFKA_PROTOCOLS),
        "PLAINTEXT",
        as_choice(*KAFKA_PROTOCOLS),
    )
    kafka_sasl_mechanism: str = setting(
        "How to log in to the brokers: " + ", ".join(SASL_MECHANISMS),
        "SCRAM-SHA-512",
        as_choice(*SASL_MECHANISMS),
    )
    kafka_sasl_username: str | None = setting("Who logs in to the brokers", None, as_text)
    kafka_sasl_password: Secret | None = setting("With what password", None, as_secret)
    kafka_ca_file: Path | None = setting(
        "Certificate authorities (PEM) of the brokers; unset: the system's",
        None,
        as_path,
    )
    kafka_cert_file: Path | None = setting("Our certificate (PEM), for mutual TLS", None, as_path)
    kafka_key_file: Path | None = setting("Its private key (PEM)", None, as_path)

    postgres_url: str | None = setting(
        "postgresql://user:password@host:port/database[?sslmode=verify-full&sslrootcert=FILE]; "
        "unset: an embedded PostgreSQL",
        None,
        as_text,
    )
    blob_url: str | None = setting(
        "Where snapshots go: s3://key:secret@host:port/bucket; unset: a folder under the state",
        None,
        as_text,
    )
    blob_quota: int = setting(
        "Bytes that snapshots may take; the oldest go first",
        10 * 1024**3,
        as_bytes,
    )
    blob_age: timedelta = setting(
        "How long snapshots are kept",
        timedelta(days=30),
        as_duration,
    )

    vault_key: Secret | None = setting(
        "The vault's keys, 32 bytes in base64 each, the one that writes first",
        None,
        as_secret,
    )
    vault_key_file: Path | None = setting(
        "A file with the vault's keys, one a line; unset: vault.key under the state",
        None,
        as_path,
    )
    vault_key_command: str | None = setting(
        "A command that prints the vault's keys: a KMS's client. Run without a shell",
        None,
        as_text,
    )

    maven_url: str | None = setting(
        "A Maven repository with the broker's jars; unset: Maven Central",
        None,
        as_text,
    )

    api_host: str = setting(
        "The API's address; loopback only, until there are accounts",
        "127.0.0.1",
        as_host,
    )
    api_port: int = setting(
        "The API's port; `up` takes the next free one where this one is taken",
        8080,
        as_port,
    )

    oidc_issuer: str | None = setting(
        "Single sign-on: the provider's issuer (OpenID Connect), an https URL; unset: none",
        None,
        as_text,
    )
    oidc_client_id: str | None = setting("As which client we ask it", None, as_text)
    oidc_client_secret: Secret | None = setting("With what secret", None, as_secret)
    oidc_name: str = setting("What the sign-in page calls it", "Single sign-on", as_text)
    oidc_scopes: tuple[str, ...] = setting(
        "What we ask it for, besides `openid`",
        ("profile", "email"),
        as_words,
    )
    oidc_name_claim: str = setting(
        "The claim that a new account is named by",
        "preferred_username",
        as_text,
    )
    oidc_role_claim: str = setting(
        "The claim (a word or a list) that says who may do what",
        "groups",
        as_text,
    )
    oidc_roles: tuple[str, ...] = setting(
        "Which of its values is which role: VALUE=viewer, =operator or =admin; the highest counts",
        (),
        as_words,
    )
    oidc_sites_claim: str | None = setting(
        "The claim (a list) with the ids of the sites one may see, `*` for all; unset: all",
        None,
        as_text,
    )

    device_networks: tuple[str, ...] = setting(
        "Networks whose devices are looked for and taken on, CIDR; the private ones",
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
        as_networks,
    )
    discovery_port: int = setting(
        "The UDP port at which devices are asked for (WS-Discovery)",
        3702,
        as_port,
    )

    session_timeout: timedelta = setting(
        "How long until a dead worker's partitions go to another",
        timedelta(seconds=6),
        as_duration,
    )
    commit_interval: timedelta = setting(
        "How often what is done is committed: a worker that dies repeats that much",
        timedelta(milliseconds=250),
        as_duration,
    )
    site_partitions: int | None = setting(
        "Partitions of the topics that decide and act keep state by, set before the first start; "
        "unset: as declared",
        None,
        as_count(10_000),
    )
    log_level: str = setting(
        "How much the processes log: " + ", ".join(LOG_LEVELS),
        "info",
        as_choice(*LOG_LEVELS),
    )
    heartbeat_url: Secret | None = setting(
        "A URL elsewhere that is asked while decide and act move, and raises the alarm when it is "
        "not: a dead man's switch",
        None,
        as_secret,
    )
    heartbeat_every: timedelta = setting(
        "How often that URL is asked",
        timedelta(minutes=1),
        as_duration,
    )
    heartbeat_networks: tuple[str, ...] = setting(
        "Internal networks (CIDR) that the heartbeat may go to; empty: the outside only",
        (),
        as_words,
    )
    providers: tuple[str, ...] = setting(
        "ONNX Runtime's execution providers in order of preference; empty: by what is there",
        (),
        as_words,
    )
    model: str | None = setting(
        "The detector: a catalogue name or a file; unset: motion and what OpenCV ships",
        None,
        as_text,
    )

    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False)
    """Field to where its value came from; one that is missing has its default."""

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.state_dir

    @property
    def kafka_embedded(self) -> bool:
        """Whether the broker is our own."""
        return self.kafka_url is None or self.origin("kafka_url") == "embedded"

    @property
    def postgres_embedded(self) -> bool:
        """Whether the database server is our own."""
        return self.postgres_url is None or self.origin("postgres_url") == "embedded"

    @property
    def api_url(self) -> str:
        """Where the API answers, without a slash at the end."""
        host = f"[{self.api_host}]" if ":" in self.api_host else self.api_host
        return f"http://{host}:{self.api_port}"

    @property
    def oidc_label(self) -> str | None:
        """What the sign-in page calls the provider; None where there is none."""
        return self.oidc_name if self.oidc_issuer and self.oidc_client_id else None

    def origin(self, name: str) -> Origin:
        """Where a field's value came from."""
        return self.origins.get(name, "default")

    def in_namespace(self, namespace: str) -> Settings:
        """The same for another namespace. Raises SettingsError for a name that is none."""
        name = as_namespace(namespace, "namespace")
        return replace(self, namespace=name, origins={**self.origins, "namespace": "command"})

    def kafka_client_config(self, *, producer: bool = False) -> dict[str, Any]:
        """librdkafka's settings for a client of these brokers.

        producer: with the one partitioner that everybody uses (consumers refuse that key).
        Raises SettingsError where no broker is known: none was given and none was started.
        """
        if self.kafka_url is None:
            raise SettingsError(
                "kafka_url: no broker is known",
                hint="Start one with 'watchfloor up', or name yours in WATCHFLOOR_KAFKA_URL.",
            )
        config: dict[str, Any] = {
            "bootstrap.servers": self.kafka_url,
            "security.protocol": self.kafka_security.lower(),
            # A small request does not wait for the answer to the one before.
            "socket.nagle.disable": True,
        }
        if "," not in self.kafka_url and self.kafka_url.startswith("127."):
            # One broker on this machine, always at the same address. librdkafka 2.11 and newer
            # forgets it at every failed connection and starts over, twenty times a second, and
            # some clients never come back from that (measured with kill -9 of the broker).
            config["metadata.recovery.strategy"] = "none"
        if self.kafka_security.startswith("SASL"):
            if self.kafka_sasl_username is None or self.kafka_sasl_password is None:
                raise SettingsError(
                    f"kafka_security: {self.kafka_security} needs a user and a password",
                    hint="Set WATCHFLOOR_KAFKA_SASL_USERNAME and WATCHFLOOR_KAFKA_SASL_PASSWORD.",
                )
            config["sasl.mechanism"] = self.kafka_sasl_mechanism
            config["sasl.username"] = self.kafka_sasl_username
            config["sasl.password"] = self.kafka_sasl_password.reveal()
        if self.kafka_security.endswith("SSL"):
            for key, path in (
                ("ssl.ca.location", self.kafka_ca_file),
                ("ssl.certificate.location", self.kafka_cert_file),
                ("ssl.key.location", self.kafka_key_file),
            ):
                if path is not None:
                    config[key] = str(path)
        if producer:
            config["partitioner"] = "murmur2_random"
        return config

    def described(self) -> list[dict[str, Any]]:
        """Each setting: name, variable, value (masked), origin, what it is."""
        return [
            {
                "name": item.name,
                "variable": variable_of(item.name),
                "value": show(getattr(self, item.name)),
                "origin": self.origin(item.name),
                "doc": item.metadata["doc"],
            }
            for item in fields(self)
            if "doc" in item.metadata
        ]

    def environment(self) -> dict[str, str]:
        """Variables that give a child process these very settings.

        Passwords travel in a child's environment, which only its own user can read, and never on
        a command line, which everybody can.
        """
        variables = {}
        for item in fields(self):
            if "doc" not in item.metadata or self.origin(item.name) in ("default", "embedded"):
                continue
            value = getattr(self, item.name)
            if value is not None:
                variables[variable_of(item.name)] = (
                    value.reveal() if isinstance(value, Secret) else _plain(value)
                )
        variables[variable_of("state_dir")] = str(self.state_dir)
        return variables

    def __repr__(self) -> str:
        shown = ", ".join(f"{item['name']}={item['value']!r}" for item in self.described())
        return f"Settings({shown})"


def _plain(value: Any) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.3f}"
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)


_FIELDS: Final = {item.name: item for item in fields(Settings) if "doc" in item.metadata}


def variable_of(name: str) -> str:
    """A field's environment variable."""
    return ENV_PREFIX + (_FIELDS[name].metadata["env"] or name.upper())


def load(*, env: Mapping[str, str] | None = None, state: Path | None = None) -> Settings:
    """Read the settings. state: what `--state` said.

    Raises SettingsError for a value that does not parse, for an unknown key in the file, and for a
    file that cannot be read.
    """
    env = os.environ if env is None else env
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}

    def take(name: str, text: object, origin: Origin) -> None:
        values[name] = _FIELDS[name].metadata["parse"](text, f"{name}: {origin}")
        origins[name] = origin

    if state is not None:
        take("state_dir", str(state), "--state")
    elif text := env.get(variable_of("state_dir")):
        take("state_dir", text, "$" + variable_of("state_dir"))
    state_dir: Path = values.get("state_dir") or default_state()

    from infra.endpoints import embedded_settings

    for name, value in embedded_settings(state_dir).items():
        values[name], origins[name] = value, "embedded"
    path = state_dir / SETTINGS_FILE
    for name, value in _read_file(path).items():
        take(name, value, str(path))
    for name in _FIELDS:
        if name != "state_dir" and (text := env.get(variable_of(name))):
            take(name, text, "$" + variable_of(name))
    return Settings(**values, origins=origins)


def unknown_variables(env: Mapping[str, str]) -> list[str]:
    """Variables of our prefix that set nothing: a typing error, most likely."""
    known = {variable_of(name) for name in _FIELDS}
    known |= {ENV_PREFIX + name for name in NOT_SETTINGS}
    return sorted(
        name
        for name in env
        if name.startswith(ENV_PREFIX)
        and not name.startswith(ENV_PREFIX + "SECRET_")
        and name not in known
    )


def _read_file(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise SettingsError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
    try:
        table = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # tomllib quotes what it did not expect, one character at most: no password gets out.
        raise SettingsError(f"{path}: no valid TOML: {error}") from None
    for name in table:
        if name not in _FIELDS or name == "state_dir":
            import difflib

            close = difflib.get_close_matches(name, _FIELDS, n=1)
            hint = f"Did you mean '{close[0]}'? " if close else ""
            raise SettingsError(
                f"{path}: unknown setting '{mask_url(name)[:80]}'",
                hint=f"{hint}'watchfloor config show' lists all.",
            )
    return table
