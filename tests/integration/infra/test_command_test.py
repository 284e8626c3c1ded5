"""`watchfloor test`, on a suite of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from infra.setting_values import ROOT


def test_test_gives_pytest_its_arguments_its_last_line_and_its_status(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text("def test_x():\n    assert False\n")
    done = subprocess.run(
        [
            sys.executable, "-m", "infra.cli", "test", "--no-lint", "-q", "--no-header",
            "-p", "no:cacheprovider", str(tmp_path),
        ],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout.strip().splitlines()[-1].startswith("1 failed in")
