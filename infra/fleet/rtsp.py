"""The fleet's RTSP: GStreamer's server, in a process of the system's own Python.

That one has its bindings. Each camera is a path, `rtsp://127.0.0.1:PORT/DEVICE`. Where the
bindings are not installed there is none, and whoever asked is told so.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from infra.errors import MachineError

__all__ = ["RtspServer"]

PYTHON: Final = "/usr/bin/python3"
SCRIPT: Final = Path(__file__).with_name("rtsp_child.py")


class RtspServer:
    """The server while it runs. Raises MachineError on entry where it cannot."""

    def __init__(self, paths: Sequence[str], *, username: str, password: str) -> None:
        self._paths = list(paths)
        self._user = username
        self._password = password
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def __enter__(self) -> RtspServer:
        try:
            self._process = subprocess.Popen(
                [PYTHON, str(SCRIPT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError as error:
            raise _missing() from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            # Not on its command line, which everybody can read.
            given = {"paths": self._paths, "user": self._user, "password": self._password}
            self._process.stdin.write(json.dumps(given) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            self.close()
            raise _missing()
        self.port = int(json.loads(line)["port"])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _missing() -> MachineError:
    return MachineError(
        "rtsp: GStreamer's server does not start",
        hint="Install it: apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 "
        "gstreamer1.0-plugins-ugly",
    )
