"""var/demo.json: its shape, its mode, its shell form."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from controlplane.config import Config
from ops import demo

DEMO = demo.Demo("http://127.0.0.1:8787", "http://127.0.0.1:8787/client/v4", "a" * 32, "hst_x'y", "demo", "admin@localhost", "secret")


def test_it_is_read_as_written_and_only_its_owner_can(tmp_path):
    demo.write(tmp_path, DEMO)
    assert demo.read(tmp_path) == DEMO
    assert stat.S_IMODE(demo.path(tmp_path).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["demo.json"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"gateway_base": 1}', '{"gateway_base": '])
def test_a_broken_file_is_no_file(tmp_path, content):
    demo.path(tmp_path).write_text(content)
    assert demo.read(tmp_path) is None


@pytest.mark.parametrize(
    ("host", "base"), [("127.0.0.1", "http://127.0.0.1:8787"), ("0.0.0.0", "http://127.0.0.1:8787"), ("::", "http://[::1]:8787")]
)
def test_addresses_are_for_a_client_on_this_machine(host, base):
    assert demo.bases(Config(home=Path("x"), host=host)) == (base, f"{base}/client/v4")


def test_exports_survive_a_shell():
    script = demo.exports(DEMO) + 'printf "%s\\n" "$CLOUDFLARE_API_TOKEN" "$CLOUDFLARE_BASE_URL" "$HOSTEL"'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:3] == [DEMO.api_token, DEMO.api_base, DEMO.gateway_base]
