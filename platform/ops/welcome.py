"""What a person reads when Hostel is up.

Owns the words and the commands to try. Must not say a secret: those are in var/demo.json.
"""

from __future__ import annotations

import os
from pathlib import Path

from controlplane.config import Config
from ops import demo


def text(config: Config, *, seconds: float) -> str:
    """The welcome: where to go and what to type."""
    found = demo.read(config.home) if config.demo else None
    origin, api = demo.bases(config)
    lines = [f"\nHostel is up after {seconds:.1f} s at {origin} (Ctrl-C stops it)."]
    if found is not None:
        workers = f"{found.tenant}.{config.base_domain}:{config.port}"
        lines += [
            "",
            f"  call a worker       curl http://hello.{workers}/",
            f"                      curl http://worker-loader.{workers}/dynamic",
            '  deploy your own     eval "$(make -s env)"   # HOSTEL, CLOUDFLARE_BASE_URL, _ACCOUNT_ID, _API_TOKEN',
            '                      curl -X PUT "$CLOUDFLARE_BASE_URL/accounts/$CLOUDFLARE_ACCOUNT_ID/workers/scripts/mine" \\',
            '                        -H "Authorization: Bearer $CLOUDFLARE_API_TOKEN" \\',
            '                        -F \'metadata={"main_module":"worker.js"};type=application/json\' \\',
            "                        -F 'worker.js=@examples/hello/worker.js;type=application/javascript+module'",
            f"                      curl http://mine.{workers}/",
            f"  log in as operator  {origin}/admin/ as {found.admin_email}, password in {_short(demo.path(config.home))}",
        ]
    lines += [
        f"  read the APIs       {origin}/api/v1/docs and {api}",
        f"  read the logs       {_short(config.home / 'log')}/",
        "",
    ]
    return "\n".join(lines)


def _short(path: Path) -> str:
    """Relative where that is shorter to type."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)
