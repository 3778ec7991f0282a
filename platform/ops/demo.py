"""var/demo.json: where a person, a script or a test finds the demo tenant's addresses and keys.

Owns the file's shape and its safe writing. Must not make the tenant (ops.seed).
"""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

from controlplane.config import Config
from ops.processes import local


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo tenant as its owner sees it. The token and the password are made once and kept."""

    # The one HTTP entry; workers are told apart by the Host header.
    gateway_base: str
    # The Cloudflare-compatible API: what CLOUDFLARE_BASE_URL is set to.
    api_base: str
    account_id: str
    api_token: str
    tenant: str
    admin_email: str
    admin_password: str


def bases(config: Config) -> tuple[str, str]:
    """`gateway_base` and `api_base` for a client on this machine."""
    host = local(config.host)
    origin = f"http://{f'[{host}]' if ':' in host else host}:{config.port}"
    return origin, f"{origin}/client/v4"


def path(home: Path) -> Path:
    """Where the file is."""
    return home / "demo.json"


def read(home: Path) -> Demo | None:
    """The file, or None when there is none that can be used."""
    try:
        return Demo(**json.loads(path(home).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write(home: Path, demo: Demo) -> None:
    """Replace the file in one step, readable by its owner only."""
    partial = path(home).with_suffix(f".{os.getpid()}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(json.dumps(asdict(demo), indent=2) + "\n")
    partial.replace(path(home))


def exports(demo: Demo) -> str:
    """Shell lines that make curl, wrangler and Alchemy speak to this Hostel."""
    values = {
        "HOSTEL": demo.gateway_base,
        "CLOUDFLARE_BASE_URL": demo.api_base,
        "CLOUDFLARE_API_BASE_URL": demo.api_base,
        "CLOUDFLARE_ACCOUNT_ID": demo.account_id,
        "CLOUDFLARE_API_TOKEN": demo.api_token,
    }
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
