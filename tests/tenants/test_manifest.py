"""Equal content has an equal hash, different content has not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.limits import Limits
from tenants.manifest import image_fingerprint, manifest_sha256, module_rows

MODULES = [("a.js", "js", "application/javascript+module", b"1"), ("b.txt", "text", "text/plain", b"2")]
CONTENT = {
    "main": "a.js",
    "modules": module_rows(MODULES),
    "bindings": [{"type": "plain_text", "name": "A", "text": "1"}, {"type": "secret_text", "name": "S", "sealed": "one", "digest": "d"}],
    "date": "2025-06-01",
    "flags": ["x", "y"],
}


def test_order_envelopes_and_source_maps_do_not_matter():
    other = {
        **CONTENT,
        "modules": [*reversed(CONTENT["modules"]), *module_rows([("a.js.map", "source_map", "", b"{}")])],
        "bindings": [{**CONTENT["bindings"][1], "sealed": "two"}, CONTENT["bindings"][0]],
        "flags": ["y", "x"],
    }
    assert manifest_sha256(**other) == manifest_sha256(**CONTENT)


@pytest.mark.parametrize(
    "change",
    [
        {"main": "b.txt"},
        {"modules": module_rows([MODULES[0]])},
        {"modules": module_rows([("a.js", "text", "", b"1"), MODULES[1]])},
        {"modules": module_rows([("a.js", "js", "", b"1 "), MODULES[1]])},
        {"bindings": [CONTENT["bindings"][0], {**CONTENT["bindings"][1], "digest": "e"}]},
        {"bindings": CONTENT["bindings"][:1]},
        {"date": "2025-06-02"},
        {"flags": ["x"]},
    ],
)
def test_everything_that_runs_matters(change):
    assert manifest_sha256(**{**CONTENT, **change}) != manifest_sha256(**CONTENT)


def test_an_image_depends_on_start_up_limits_and_on_an_id_the_code_can_see():
    plain = {"sha256": "s", "bindings": [], "version_id": "1", "limits": Limits()}
    assert image_fingerprint(**{**plain, "version_id": "2"}) == image_fingerprint(**plain)
    assert image_fingerprint(**{**plain, "limits": replace(Limits(), cpu_ms=5)}) == image_fingerprint(**plain)
    assert image_fingerprint(**{**plain, "limits": replace(Limits(), startup_cpu_ms=5)}) != image_fingerprint(**plain)
    maps = [{"name": "index.js.map", "kind": "source_map", "sha256": "m"}]
    assert image_fingerprint(**{**plain, "modules": maps}) != image_fingerprint(**plain)
    knowing = {**plain, "bindings": [{"type": "version_metadata", "name": "V"}]}
    assert image_fingerprint(**{**knowing, "version_id": "2"}) != image_fingerprint(**knowing)
