"""Files: what a process running guests may open, by Landlock (Linux 5.13 and later).

Owns the ruleset: reading where programs and configuration are, writing only where Hostel keeps its state. It binds the calling thread and
those it starts from then on, which are the ones that run guests. Must be given every folder that is needed; it cannot be widened again.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sandbox.wall import kernel

# linux/landlock.h: rights known to ABI 1, and those later versions added.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_ABI_1: Final = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_ADDED: Final = ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV))
_READ: Final = _READ_FILE | _READ_DIR
_FILE_RIGHTS: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_RULE_PATH_BENEATH: Final = 1
_VERSION_FLAG: Final = 1


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64),)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def version() -> int:
    """The kernel's Landlock version; raises `OSError` where there is none."""
    return kernel.syscall(kernel.LANDLOCK_CREATE_RULESET, None, 0, _VERSION_FLAG)


def apply(*, read: Iterable[Path], write: Iterable[Path]) -> int:
    """Allow reading (and mapping as code) under `read`, everything but running programs under `write`; the version. Raises `OSError`."""
    abi = version()
    handled = _ABI_1
    for since, right in _ADDED:
        handled |= right if abi >= since else 0
    ruleset = kernel.syscall(kernel.LANDLOCK_CREATE_RULESET, ctypes.byref(_Ruleset(handled)), ctypes.sizeof(_Ruleset), 0)
    try:
        for paths, rights in ((read, _READ), (write, handled & ~_EXECUTE)):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        kernel.syscall(kernel.LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return abi


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        # What is not there needs no right.
        return
    try:
        rights &= rights if path.is_dir() else _FILE_RIGHTS
        kernel.syscall(kernel.LANDLOCK_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(_PathBeneath(rights, descriptor)), 0)
    finally:
        os.close(descriptor)
