"""What sandbox tests share: the installed guest and a sandbox of one test's own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox import EgressPolicy, PoolConfig, Sandbox, SandboxConfig

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def guest_home() -> Path:
    """Where the guest is installed; building it is part of the first test that needs it."""
    return Path(os.environ.get("HOSTEL_GUEST_HOME", ROOT / "var" / "guest"))


@pytest.fixture
async def box(guest_home: Path) -> AsyncIterator[Sandbox]:
    """A sandbox whose workers may reach 127.0.0.1."""
    async with Sandbox(SandboxConfig(guest_home=guest_home, egress=EgressPolicy.allowing("127.0.0.1"))) as sandbox:
        yield sandbox


@pytest.fixture
async def small_box(guest_home: Path) -> AsyncIterator[Sandbox]:
    """A sandbox with hardly any room in its pool."""
    config = SandboxConfig(guest_home=guest_home, pool=PoolConfig(budget_bytes=4 * 1024 * 1024), egress=None)
    async with Sandbox(config) as sandbox:
        yield sandbox
