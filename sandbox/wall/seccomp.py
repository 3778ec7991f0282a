"""System calls that a process running guests never makes, refused by the kernel.

Owns the list and the filter program. The list is of what an intruder would want (running programs, debugging other processes, mounting,
loading code into the kernel, new namespaces); everything Python and granian use stays allowed, so that the wall never breaks what is
inside. A refused call fails with EPERM.
"""

from __future__ import annotations

import ctypes
import platform
import struct
from typing import Final

from sandbox.wall import kernel

# name -> number on (x86_64, aarch64); None where the architecture has no such call.
REFUSED: Final[dict[str, tuple[int | None, int | None]]] = {
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "open_tree": (428, 428),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "unshare": (272, 97),
    "setns": (308, 268),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    # New rings only: an event loop that already has one (libuv) aborts when it may not enter it.
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "personality": (135, 92),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "mknodat": (259, 33),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
}

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _EPERM, _KILL = 0x7FFF0000, 0x00050001, 0x80000000
# Calls of the x32 interface have this bit; nothing here makes any.
_X32: Final = 0x40000000
_INSTRUCTION = struct.Struct("<HBBI")


def program(numbers: list[int], architecture: int) -> bytes:
    """The classic BPF program: another architecture's calls kill, calls in `numbers` fail with EPERM, the rest is allowed."""
    code = [
        (_LOAD, 0, 0, 4),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_JUMP_AT_LEAST, len(numbers) + 1, 0, _X32),
    ]
    code += [(_JUMP_EQUAL, len(numbers) - index, 0, number) for index, number in enumerate(numbers)]
    code += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _EPERM)]
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in code)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def apply() -> int:
    """Refuse the list to every thread of this process, for good; how many calls that is. Raises `OSError`."""
    column = list(kernel.ARCHITECTURES).index(platform.machine())
    numbers = [number for row in REFUSED.values() if (number := row[column]) is not None]
    code = ctypes.create_string_buffer(program(numbers, kernel.ARCHITECTURES[platform.machine()]))
    wanted = _Program(len(code.raw) // _INSTRUCTION.size, ctypes.addressof(code))
    kernel.syscall(kernel.seccomp_number(), kernel.SECCOMP_SET_MODE_FILTER, kernel.SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(wanted))
    return len(numbers)
