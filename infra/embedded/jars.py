"""The broker's jars: by Maven coordinate, checked against a committed lock, kept in the cache.

`python -m infra.embedded.jars` writes the lock anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any, Final

from infra.embedded.process import disk_error
from infra.errors import MachineError, WatchfloorError
from infra.setting_values import ROOT, show_bytes

__all__ = ["LOCK", "Jar", "Progress", "digest", "ensure_jars", "only_one", "read_lock"]

LOCK: Final = ROOT / "infra" / "locks" / "kafka.lock"
COORDINATES: Final = (
    "org.apache.kafka:kafka_2.13:4.1.2",
    # Logs to stderr in one small jar; log4j-slf4j would add half a second to every start.
    "org.slf4j:slf4j-simple:1.7.36",
)
TIMEOUT_S: Final = 60
AT_ONCE: Final = 6
ATTEMPTS: Final = 3
RETRY_S: Final = 1.0

_LINE = re.compile(
    r"(?P<group>[\w.-]+):(?P<artifact>[\w.-]+):(?P<version>[\w.-]+)"
    r" (?P<size>\d+) sha256:(?P<sha256>[0-9a-f]{64})"
)

Progress = Callable[[int, int], None]
"""(bytes done, bytes in all), called from several threads."""


@dataclass(frozen=True)
class Jar:
    """A line of the lock. size: bytes."""

    group: str
    artifact: str
    version: str
    size: int
    sha256: str

    @property
    def filename(self) -> str:
        """Its name in the cache; the group keeps two artifacts of one name apart."""
        return f"{self.group}.{self.artifact}-{self.version}.jar"

    def line(self) -> str:
        """As the lock has it."""
        name = f"{self.group}:{self.artifact}:{self.version}"
        return f"{name} {self.size} sha256:{self.sha256}"


def read_lock(path: Path = LOCK) -> list[Jar]:
    """The jars of the lock, in its order. Raises WatchfloorError for a line that is none."""
    jars = []
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = raw.partition("#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise WatchfloorError(
                f"{path}:{number}: not 'group:artifact:version size sha256:…'",
                hint="python -m infra.embedded.jars writes the lock anew.",
            )
        parts = match.groupdict()
        jars.append(Jar(size=int(parts.pop("size")), **parts))
    return jars


def digest(jars: Sequence[Jar]) -> str:
    """A short name for exactly these jars."""
    text = "\n".join(jar.line() for jar in jars)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def ensure_jars(
    cache: Path,
    progress: Progress | None = None,
    *,
    lock: Path = LOCK,
    repository: str | None = None,
) -> list[Path]:
    """The jars' paths under `cache`; what is missing is downloaded and checked.

    repository: the URL of a Maven repository; None: Maven Central. It need not be trusted.
    Two processes at once wait for each other. A file is under its name only after its sha256 was
    that of the lock, so a download that broke off leaves nothing behind that counts.
    Raises MachineError without a way to the network, WatchfloorError for a jar that is not the
    lock's.
    """
    jars = read_lock(lock)
    folder = cache / "kafka" / digest(jars)
    paths = [folder / jar.filename for jar in jars]
    if (folder / ".complete").exists():
        return paths
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with only_one(folder / ".lock"):
            missing = [jar for jar in jars if not _is_there(folder / jar.filename, jar)]
            if missing:
                _download(missing, folder, progress, repository)
            (folder / ".complete").touch()
    except OSError as error:
        raise disk_error(folder, error) from None
    return paths


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a lock file; other processes wait. It is let go when this one ends, however it does."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_there(path: Path, jar: Jar) -> bool:
    try:
        return path.stat().st_size == jar.size and _sha256(path) == jar.sha256
    except FileNotFoundError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(
    jars: Sequence[Jar], folder: Path, progress: Progress | None, repository: str | None
) -> None:
    from jgo.maven import MavenContext, PythonResolver

    total, done = sum(jar.size for jar in jars), 0

    @contextlib.contextmanager
    def counting(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        def add(count: int) -> None:
            nonlocal done
            done += count
            if progress is not None:
                progress(min(done, total), total)

        yield add

    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
        context = MavenContext(
            resolver=PythonResolver(progress_callback=counting),
            repo_cache=Path(scratch),
            remote_repos=None if repository is None else {"given": repository.rstrip("/")},
            timeout=TIMEOUT_S,
        )
        if progress is not None:
            progress(0, total)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="jars") as pool:
            for _ in pool.map(lambda jar: _fetch(context, jar, folder), jars):
                pass


def _fetch(context: Any, jar: Jar, folder: Path) -> None:
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    for left in range(ATTEMPTS - 1, -1, -1):
        # jgo leaves a download that broke off under its final name, and trusts it the next time.
        artifact.cached_path.unlink(missing_ok=True)
        try:
            path: Path = artifact.resolve()
            break
        except (OSError, RuntimeError) as error:
            # requests' errors are OSErrors too; those with an errno are the disk's.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            if left == 0:
                why = type(error).__name__ if isinstance(error, OSError) else "it is not there"
                raise MachineError(
                    f"{jar.group}:{jar.artifact}:{jar.version}: cannot be downloaded: {why}",
                    hint="The first start needs a way to Maven Central (HTTPS_PROXY is respected), "
                    "or to a copy of it: WATCHFLOOR_MAVEN_URL. Or name a broker of yours in "
                    "WATCHFLOOR_KAFKA_URL.",
                ) from error
        sleep(RETRY_S)
    found = _sha256(path)
    if found != jar.sha256:
        raise WatchfloorError(
            f"{jar.group}:{jar.artifact}:{jar.version}: its sha256 is {found}, "
            f"the lock says {jar.sha256}",
            hint="What was downloaded is not what was released: nothing of it is used. "
            "Try again from another network.",
        )
    path.replace(folder / jar.filename)


def _write_lock() -> None:
    """Resolve the coordinates with everything they need, and lock what came."""
    import jgo
    from jgo.maven import MavenContext

    names = {
        (artifact.groupId, artifact.artifactId, artifact.version)
        for coordinate in COORDINATES
        for artifact in jgo.resolve(coordinate)
    }
    scratch = Path(tempfile.mkdtemp(prefix="watchfloor-jars-"))
    try:
        context = MavenContext(repo_cache=scratch, timeout=TIMEOUT_S)
        lines = []
        for group, artifact, version in sorted(names):
            path = context.project(group, artifact).at_version(version).artifact().resolve()
            jar = Jar(group, artifact, version, path.stat().st_size, _sha256(path))
            lines.append(jar.line())
    finally:
        shutil.rmtree(scratch)
    head = "# group:artifact:version size sha256, written by: python -m infra.embedded.jars\n"
    fresh = LOCK.with_name(f".{LOCK.name}.{os.getpid()}")
    fresh.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    fresh.replace(LOCK)
    total = sum(int(line.split()[1]) for line in lines)
    sys.stdout.write(f"{LOCK}: {len(lines)} jars, {show_bytes(total)}\n")


if __name__ == "__main__":
    _write_lock()
