"""The machine that a bench ran on, told honestly: with what else it was doing."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

__all__ = ["machine", "model_name"]

CPUINFO: Final = Path("/proc/cpuinfo")


def machine() -> dict[str, Any]:
    """Processor, cores, memory (GiB), system, versions, and the load over the last 1 and 5 min."""
    import psutil

    from infra.version import version as ours

    one, five, _ = os.getloadavg()
    return {
        "cpu": model_name(CPUINFO.read_text() if CPUINFO.exists() else "") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        "watchfloor": ours(),
        "librdkafka_client": version("confluent-kafka"),
        "faust": version("faust-streaming"),
        "load_1_min": round(one, 2),
        "load_5_min": round(five, 2),
    }


def model_name(cpuinfo: str) -> str:
    """The processor's name from Linux's /proc/cpuinfo; empty where it says none."""
    for row in cpuinfo.splitlines():
        name, _, value = row.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return ""
