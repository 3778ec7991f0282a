"""The refusals before a start: a home that is in use, a port that is taken."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ops.lock import HomeLock, StartRefused, require_free_port

ROOT = Path(__file__).parents[2]


def test_a_second_start_is_refused_and_told_by_whom(tmp_path):
    with HomeLock(tmp_path, port=8787), pytest.raises(StartRefused) as refusal, HomeLock(tmp_path, port=9999):
        pass
    assert f"process {os.getpid()}, port 8787" in refusal.value.message
    assert "HOSTEL_HOME=" in refusal.value.message


def test_the_lock_ends_with_its_block(tmp_path):
    for port in (1, 2):
        with HomeLock(tmp_path, port=port):
            assert f'"port": {port}' in (tmp_path / "serve.lock").read_text()


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    code = "import os, pathlib, sys; from ops.lock import HomeLock; "
    code += "HomeLock(pathlib.Path(sys.argv[1]), port=1).__enter__(); os.kill(os.getpid(), 9)"
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}"}
    assert subprocess.run([sys.executable, "-c", code, tmp_path], env=environ, check=False).returncode == -9
    with HomeLock(tmp_path, port=2):
        pass


def test_a_port_in_use_is_named_with_the_way_out():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StartRefused, match=f"Port {port} on 127.0.0.1 is in use") as refusal:
            require_free_port("127.0.0.1", port)
        assert f"HOSTEL_PORT={port + 1} make serve" in refusal.value.message


def test_a_free_port_is_fine_even_after_a_connection():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        client = socket.create_connection(address)
        accepted, _ = server.accept()
        accepted.close()  # this side closes first and stays in TIME_WAIT
        client.close()
    require_free_port(*address)


def test_an_address_that_is_not_this_machines_is_refused():
    with pytest.raises(StartRefused, match=r"Cannot listen on 192\.0\.2\.1"):
        require_free_port("192.0.2.1", 8787)
