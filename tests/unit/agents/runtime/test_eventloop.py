"""A process ends when its main has ended, whatever is still going."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import asyncio
from agents.runtime import eventloop

eventloop.LEAVE_S = 0.2

async def deaf():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

async def main():
    task = asyncio.create_task({task})
    await asyncio.sleep(0)
    {end}

eventloop.run(main())
print("ended by itself")
"""


@pytest.mark.parametrize(
    ("task", "end", "status", "said"),
    [
        ("asyncio.sleep(3600)", "return", 0, "ended by itself"),
        ("asyncio.sleep(3600)", "raise ValueError('broken')", 1, "broken"),
        ("deaf()", "return", 0, "still waiting for what was cancelled"),
        ("deaf()", "raise ValueError('broken')", 1, "ValueError: broken"),
    ],
)
def test_a_process_ends(task: str, end: str, status: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(task=task, end=end)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert said in done.stdout + done.stderr
