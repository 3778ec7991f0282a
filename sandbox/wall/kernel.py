"""Calls into the kernel that Python has no name for.

Owns libc's `prctl` and `syscall`, and the numbers of the system calls used here. Must not decide anything.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from typing import Any, Final

PR_SET_DUMPABLE: Final = 4
PR_SET_NO_NEW_PRIVS: Final = 38
SECCOMP_SET_MODE_FILTER: Final = 1
SECCOMP_FILTER_FLAG_TSYNC: Final = 1

# linux/audit.h, AUDIT_ARCH_*, and the numbers that differ between the two (arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h).
ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SECCOMP: Final = {"x86_64": 317, "aarch64": 277}
# The same everywhere.
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446

SUPPORTED: Final = sys.platform == "linux" and platform.machine() in ARCHITECTURES
_libc: Any = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """Set a property of this process; raises `OSError`."""
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def syscall(number: int, *arguments: Any) -> int:
    """Make a system call by its number; raises `OSError`. Integers are passed as longs."""
    converted = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *converted)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def seccomp_number() -> int:
    """The number of seccomp(2) on this machine."""
    return _SECCOMP[platform.machine()]
