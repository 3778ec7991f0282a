"""OFREP asked by the real OpenFeature SDKs: Python's, and JavaScript's for servers and for web pages."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

from tenants.models import Tenant
from tests.flags.test_ofrep import furnish, token
from ui.frontend import packages

HERE = Path(__file__).with_name("ofrep")
LOCK = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
KEPT = Path(__file__).parents[2] / "var" / "tests" / f"ofrep-{LOCK}"
PRO = EvaluationContext("user-1", {"plan": "pro"})


@pytest.fixture
def address(transactional_db: None, live_server: Any, tenant: Tenant) -> str:
    furnish(tenant)
    return str(live_server.url)


def test_python(address: str, tenant: Tenant) -> None:
    secret = token(tenant, "flags:evaluate")
    api.set_provider(OFREPProvider(address, headers_factory=lambda: {"Authorization": f"Bearer {secret}"}))
    try:
        client = api.get_client()
        found = client.get_boolean_details("checkout", False, PRO)
        assert (found.value, found.variant, str(found.reason), found.flag_metadata["rule"]) == (True, "on", "TARGETING_MATCH", "pros")
        assert client.get_boolean_value("checkout", True, EvaluationContext("user-1")) is False
        assert client.get_string_value("colour", "none", PRO) == "#00f"
        assert client.get_float_value("limit", 0.0, PRO) == 2.5
        assert client.get_object_value("theme", {}, PRO) == {"bg": "#000", "sizes": [1, 2]}
        missing = client.get_boolean_details("nothing", True, PRO)
        assert (missing.value, str(missing.error_code)) == (True, "FLAG_NOT_FOUND")
        mismatch = client.get_string_details("checkout", "mine", PRO)
        assert (mismatch.value, str(mismatch.error_code)) == ("mine", "TYPE_MISMATCH")
        keyless = client.get_boolean_details("halves", True, EvaluationContext())
        assert (keyless.value, str(keyless.error_code)) == (True, "TARGETING_KEY_MISSING")
    finally:
        api.shutdown()
        api.clear_providers()


def modules() -> Path:
    """The npm packages, fetched once; skips the test where they cannot be."""
    npm = packages.own_npm()
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node is needed for the JavaScript SDKs")
    if not (KEPT / "done").exists():
        shutil.rmtree(KEPT, ignore_errors=True)
        KEPT.mkdir(parents=True)
        for name in packages.LOCK:
            shutil.copyfile(HERE / name, KEPT / name)
        done = subprocess.run([*npm, *packages.NPM_FLAGS], cwd=KEPT, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode:
            pytest.skip(f"the SDKs could not be fetched: {done.stderr[-200:]}")
        (KEPT / "done").touch()
    return KEPT


def test_javascript(address: str, tenant: Tenant) -> None:
    folder = modules()
    shutil.copyfile(HERE / "ask.mjs", folder / "ask.mjs")
    secrets = [token(tenant, "flags:evaluate"), token(tenant, "flags:client")]
    done = subprocess.run(["node", "ask.mjs", address, *secrets], cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    values = {name: (each.get("value"), each.get("errorCode")) for name, each in found.items() if name != "statuses"}
    assert values == {
        "boolean": (True, None),
        "string": ("#00f", None),
        "number": (2.5, None),
        "object": ({"bg": "#000", "sizes": [1, 2]}, None),
        "missing": (True, "FLAG_NOT_FOUND"),
        "mismatch": ("mine", "TYPE_MISMATCH"),
        "keyless": (True, "TARGETING_KEY_MISSING"),
        "web": (True, None),
        "hidden": ("none", "FLAG_NOT_FOUND"),
        "changed": (False, None),
    }
    assert (found["boolean"]["variant"], found["boolean"]["reason"]) == ("on", "TARGETING_MATCH")
    # The second answer was for another context; the third was the second's again.
    assert found["statuses"] == [200, 200, 304]
