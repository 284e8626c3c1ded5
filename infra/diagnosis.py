"""One archive for whoever is to find out what went wrong, without a secret in it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import sys
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from infra.errors import WatchfloorError
from infra.local_token import local_token
from infra.secrets import ENV_PREFIX, MAX_SECRET_BYTES, Secret, password_of, scrub
from infra.settings import Settings
from infra.vault_keys import source_of

__all__ = ["known_secrets", "lags", "write_archive"]

LOG_BYTES: Final = 1024**2
"""Of each log's end."""
LOGS: Final = 64
ASK_TIMEOUT_S: Final = 5.0


def write_archive(settings: Settings, target: Path) -> list[str]:
    """Write the archive (0600) in one step; the names of what is in it.

    A part that cannot be had is there as its error. Everything that looks like a password, a token
    or a URL's credentials is masked, and so is every secret that we know, wherever it stands.
    Raises OSError where it cannot be written.
    """
    known = known_secrets(settings)
    stem = target.name.removesuffix(".tar.gz")
    names = []
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with (
            os.fdopen(descriptor, "wb") as file,
            tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive,
        ):
            for name, text in _parts(settings):
                data = scrub(text, *known).encode()
                entry = tarfile.TarInfo(f"{stem}/{name}")
                entry.size = len(data)
                entry.mode = 0o600
                entry.mtime = int(datetime.now(UTC).timestamp())
                archive.addfile(entry, io.BytesIO(data))
                names.append(name)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return names


def known_secrets(settings: Settings) -> list[str]:
    """The values of all secrets that this state directory and this environment hold."""
    values = [text for name, text in os.environ.items() if name.startswith(ENV_PREFIX)]
    for item in settings.described():
        value = getattr(settings, item["name"])
        if isinstance(value, Secret):
            values.append(value.reveal())
        elif isinstance(value, str) and (password := password_of(value)):
            values.append(password)
    folder = settings.state_dir / "secrets"
    if folder.is_dir():
        for path in sorted(folder.rglob("*")):
            with contextlib.suppress(OSError):
                if path.is_file() and path.stat().st_size <= MAX_SECRET_BYTES:
                    values.append(path.read_text(encoding="utf-8", errors="replace").strip())
    with contextlib.suppress(WatchfloorError):
        values.append(local_token(settings))
    from infra.vault import vault_of

    values += vault_of(settings.state_dir, os.environ).values()
    with contextlib.suppress(WatchfloorError):
        values += source_of(settings).load().lines()
    # A camera's secret is `user:password`, and either may stand in a log alone.
    values += [value.partition(":")[2] for value in values]
    return [value for value in values if value]


def _parts(settings: Settings) -> Iterator[tuple[str, str]]:
    for name, make in (
        ("versions.json", _versions),
        ("settings.json", settings.described),
        ("doctor.json", lambda: _doctor(settings)),
        ("status.json", lambda: _status(settings)),
        ("processes.json", lambda: _processes(settings)),
        ("lags.json", lambda: lags(settings)),
        ("disk.json", lambda: _disk(settings)),
    ):
        yield name, json.dumps(_or_error(make), indent=2, ensure_ascii=False, default=str)
    folder = settings.state_dir / "logs"
    if folder.is_dir():
        for path in sorted(folder.iterdir())[:LOGS]:
            if path.is_file() and not path.is_symlink():
                yield f"logs/{path.name}", _end_of(path)


def _or_error(make: Callable[[], Any]) -> Any:
    """A part, or why it is missing: where something is broken, the rest matters all the more."""
    try:
        return make()
    except WatchfloorError as error:
        return {"error": error.message}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _end_of(path: Path) -> str:
    with path.open("rb") as file:
        size = path.stat().st_size
        file.seek(max(0, size - LOG_BYTES))
        text = file.read(LOG_BYTES).decode("utf-8", "replace")
    # A line cut in two could show half of a password past its mark.
    return text if size <= LOG_BYTES else text.partition("\n")[2]


def _versions() -> dict[str, Any]:
    from infra.embedded.jars import read_lock
    from infra.version import version

    return {
        "watchfloor": version(),
        "python": sys.version,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "kafka": next(j.version for j in read_lock() if j.artifact.startswith("kafka_")),
        "packages": {
            item.metadata["Name"]: item.version
            for item in sorted(metadata.distributions(), key=lambda d: str(d.metadata["Name"]))
        },
    }


def _doctor(settings: Settings) -> list[dict[str, str]]:
    from infra.doctor import examine

    return [finding.to_json() for finding in examine(settings)]


def _status(settings: Settings) -> list[dict[str, Any]]:
    from infra.stack import Stack

    return [item.to_json() for item in Stack(settings).status()]


def _processes(settings: Settings) -> list[dict[str, Any]]:
    from infra.probes import processes

    return processes(settings)


def _disk(settings: Settings) -> dict[str, int]:
    """Bytes of each folder under the state directory, as the disk counts them."""
    sizes = {}
    for folder in sorted(settings.state_dir.iterdir()):
        total = 0
        for path in (folder, *folder.rglob("*")):
            with contextlib.suppress(OSError):
                total += path.lstat().st_blocks * 512
        sizes[folder.name] = total
    return sizes


def lags(settings: Settings) -> list[dict[str, Any]]:
    """How far each consumer group of this namespace is behind: group, topic, partition, lag.

    lag: records between what was committed and the end. Raises KafkaException where the broker
    does not answer, SettingsError where there is none.
    """
    from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException
    from confluent_kafka.admin import AdminClient, OffsetSpec

    prefix = f"{settings.namespace}." if settings.namespace else ""
    client = AdminClient({**settings.kafka_client_config(), "log_level": 0})
    groups = client.list_consumer_groups(request_timeout=ASK_TIMEOUT_S).result()
    if groups.errors:
        # It answers with its errors beside the groups, and raises none.
        raise KafkaException(groups.errors[0])
    rows = []
    for group in sorted(item.group_id for item in groups.valid):
        if not group.startswith(f"{prefix}watchfloor"):
            continue
        asked = client.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group)], request_timeout=ASK_TIMEOUT_S
        )
        committed = asked[group].result().topic_partitions or []
        if not committed:
            continue
        specs = {part: OffsetSpec.latest() for part in committed}  # type: ignore[no-untyped-call]
        for part, future in client.list_offsets(specs, request_timeout=ASK_TIMEOUT_S).items():
            end = future.result().offset
            at = next(c.offset for c in committed if c == part)
            rows.append(
                {
                    "group": group,
                    "topic": part.topic,
                    "partition": part.partition,
                    "committed": at,
                    "end": end,
                    "lag": max(0, end - at),
                }
            )
    return sorted(rows, key=lambda row: (row["group"], row["topic"], row["partition"]))
