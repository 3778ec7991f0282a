"""What a run was made on: processor, system, versions, and how quiet it was.

Owns the facts that a figure means nothing without. Tells no host name, user or path.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from bench.plan import ROOT


def machine() -> dict[str, str]:
    """Processor, cores, memory and system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    virtual = ", virtual machine" if "hypervisor" in _field("/proc/cpuinfo", "flags").split() else ""
    memory = _field("/proc/meminfo", "MemTotal").split()
    return {
        "processor": f"{_field('/proc/cpuinfo', 'model name') or platform.machine()}, {cores} cores{virtual}",
        "memory": f"{int(memory[0]) / 2**20:.0f} GiB" if memory else "unknown",
        "system": f"{_system()}, {platform.system()} {platform.release()}",
    }


def versions(guest: str) -> dict[str, str]:
    """Of Hostel and what it runs on; `guest` is the build of its guest."""
    return {
        "hostel": _commit(),
        "guest": guest,
        "python": platform.python_version(),
        **{name: version(name) for name in ("wasmtime", "granian", "uvloop")},
    }


def load() -> float:
    """Processes that wanted to run, over the last minute."""
    return os.getloadavg()[0]


def stolen(before: Mapping[str, int], after: Mapping[str, int]) -> float:
    """Percentage of processor time between two `ticks()` that a hypervisor gave to somebody else."""
    total = sum(after.values()) - sum(before.values())
    return 100 * (after.get("steal", 0) - before.get("steal", 0)) / total if total else 0.0


def ticks() -> dict[str, int]:
    """Processor time by kind, in clock ticks since boot (empty where there is no /proc/stat)."""
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    try:
        words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    except OSError:
        return {}
    return dict(zip(names, map(int, words), strict=False))


def _commit() -> str:
    """The commit that was measured, and whether the tree differs from it."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def _field(path: str, name: str) -> str:
    """The first value of `name` in a file of `name : value` lines."""
    try:
        for line in Path(path).read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == name:
                return value.strip()
    except OSError:
        pass
    return ""
