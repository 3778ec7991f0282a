"""Raising the wall, and saying how high it is.

Owns the order (no new privileges comes first: the kernel asks for it) and the one line that start-up shows. What the kernel or its
administrator does not offer is reported, never an error: Hostel also runs where there is no Linux.
"""

from __future__ import annotations

import resource
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.wall import kernel, landlock, seccomp

# Where programs, libraries, certificates and the resolver's files are on Linux systems.
_SYSTEM: Final = (
    *("/usr", "/lib", "/lib64", "/bin", "/etc", "/opt", "/proc", "/dev/null", "/dev/urandom"),
    *("/sys/devices/system/cpu", "/sys/fs/cgroup"),
)
_SCRATCH: Final = ("/dev/null", "/dev/shm")  # noqa: S108 - named in order to be allowed


@dataclass(frozen=True, slots=True)
class WallReport:
    """What was raised; "no" with the kernel's reason where it was not."""

    no_new_privileges: str
    seccomp: str
    landlock: str
    limits: str

    def line(self) -> str:
        """One line for a log."""
        parts = {"no new privileges": self.no_new_privileges, "seccomp": self.seccomp, "landlock": self.landlock, "limits": self.limits}
        return "second wall: " + ", ".join(f"{name} {state}" for name, state in parts.items())


def raise_wall(*, read: Iterable[Path] = (), write: Iterable[Path] = ()) -> WallReport:
    """Take from this process what serving guests does not need. For good: a child inherits it.

    Reading stays allowed where Python, its packages and the system's files are, and under `read` and `write`; writing only under `write`
    and the folder for temporary files. Call it from the thread that runs guests, before that thread starts others.
    """
    if not kernel.SUPPORTED:
        return WallReport("no (not Linux)", "no", "no", _limits())
    own = [*filter(None, sys.path), sys.prefix, sys.base_prefix, sysconfig.get_paths()["stdlib"]]
    written = [*write, Path(tempfile.gettempdir()), *map(Path, _SCRATCH)]
    limits = _limits()
    return WallReport(
        _attempt(_no_new_privileges),
        _attempt(lambda: f"({seccomp.apply()} calls refused)"),
        _attempt(lambda: f"(version {landlock.apply(read=[*map(Path, [*own, *_SYSTEM]), *read], write=written)})"),
        limits,
    )


def _no_new_privileges() -> str:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    # No other process of the same user may attach, and a crash leaves no memory behind.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    return ""


def _limits() -> str:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Many connections are no reason to fail, and nothing else needs the limit low.
    wanted = hard if hard != resource.RLIM_INFINITY else 1 << 20
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return f"(no core dumps, {wanted} files)"


def _attempt(step: Callable[[], str]) -> str:
    try:
        return f"yes {step()}".strip()
    except OSError as error:
        return f"no ({error.strerror})"
