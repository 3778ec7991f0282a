"""The second wall: what the kernel refuses to the process that runs guests, should one ever get out of WebAssembly.

Owns what an unprivileged process can take from itself for good: new privileges, system calls, files, core dumps. Must be raised after
everything that needs them has been done (building the guest runs compilers). It is no substitute for the sandbox; it is what is left if
the sandbox fails.
"""

from sandbox.wall.wall import WallReport, raise_wall

__all__ = ["WallReport", "raise_wall"]
