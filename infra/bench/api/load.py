"""Sends a plan's requests when they are due, and writes when they were answered.

A process of its own: `python -m infra.bench.api.load URL PLAN ANSWERS`. It waits for nobody: a
request that is due is sent while those before it are still on their way. The token is in the
environment, where other users of the machine do not see it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Final

import aiohttp
import msgspec

from infra.bench.api.plan import LIMIT_S, Answered, Asked

CONNECTIONS: Final = 64
EARLY_S: Final = 0.5
"""From the process's start until the first one is due."""
TOKEN: Final = "WATCHFLOOR_BENCH_TOKEN"  # noqa: S105 - a variable's name


def headers() -> dict[str, str]:
    """Who asks."""
    return {"Authorization": f"Bearer {os.environ[TOKEN]}"}


async def ask(session: aiohttp.ClientSession, asked: Asked, begun: float) -> Answered:
    """One request, timed from when it was due."""
    try:
        async with session.get(asked.path) as answer:
            body = await answer.read()
            ok = answer.status == 200 and body.startswith(b"{")
    except (aiohttp.ClientError, TimeoutError):
        ok = False
    return Answered(asked.at, asked.kind, perf_counter() - begun - asked.at, ok)


async def send(url: str, plan: Sequence[Asked]) -> list[Answered]:
    """All of them."""
    tasks = []
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    timeout = aiohttp.ClientTimeout(total=LIMIT_S)
    async with aiohttp.ClientSession(
        url, connector=connector, timeout=timeout, headers=headers()
    ) as session:
        begun = perf_counter() + EARLY_S
        for asked in plan:
            wait = begun + asked.at - perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.create_task(ask(session, asked, begun)))
        return await asyncio.gather(*tasks)


def main(url: str, plan: Path, answers: Path) -> None:
    """Send, and write what came of it."""
    asked = msgspec.json.decode(plan.read_bytes(), type=list[Asked])
    # A collection here would be a delay there.
    gc.freeze()
    gc.disable()
    answers.write_bytes(msgspec.json.encode(asyncio.run(send(url, asked))))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
