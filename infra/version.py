"""Which code this is: for `--version`, for `diag`, and for the provenance of every record."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from typing import Final

from infra.setting_values import ROOT

__all__ = ["version"]

_VERSION: Final = re.compile(r'^version = "([^"]{1,40})"$', re.MULTILINE)


@cache
def version() -> str:
    """`0.1.0+a862fcc`: the release, and the commit where this is a checkout."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    match = _VERSION.search(text)
    release = match.group(1) if match else "0"
    if not (ROOT / ".git").exists():
        return release
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return release
    commit = done.stdout.strip()
    return f"{release}+{commit}" if done.returncode == 0 and commit else release
