"""The public surface of the sandbox: what it exports, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import sandbox


def test_exported_members() -> None:
    assert sorted(sandbox.__all__) == sorted(sandbox._HOME)
    for name in sandbox.__all__:
        assert getattr(sandbox, name).__module__.startswith("sandbox."), name


def test_limits_do_not_load_the_engine() -> None:
    program = "import sys; from sandbox import Limits; print([m for m in ('wasmtime', 'aiohttp', 'django') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
