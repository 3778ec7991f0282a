"""axe-core, the checker of accessibility: one pinned npm package, fetched when it is first needed and kept under var/."""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.ops.hostel import ROOT
from ui.frontend import packages

NAME = "axe-core@4.14.1"
SHA512 = "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5"
KEPT = ROOT / "var" / "tests" / f"axe-{SHA512[:16]}.js"
# WCAG 2.2 AA and what is good practice beside it.
RUN = "() => axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)"
SERIOUS = {"serious", "critical"}


def source() -> str:
    """The script; skips the test where it cannot be fetched."""
    if not KEPT.exists():
        npm = packages.own_npm()
        if npm is None:
            pytest.skip("npm is needed to fetch axe-core")
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([*npm, "pack", NAME, "--silent"], cwd=folder, capture_output=True, text=True, check=False)
            found = list(Path(folder).glob("*.tgz"))
            if not found:
                pytest.skip(f"axe-core could not be fetched: {done.stderr[-200:]}")
            content = found[0].read_bytes()
        assert hashlib.sha512(content).hexdigest() == SHA512, base64.b64encode(hashlib.sha512(content).digest())
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            member = archive.extractfile("package/axe.min.js")
            assert member is not None
            KEPT.parent.mkdir(parents=True, exist_ok=True)
            partial = KEPT.with_suffix(".partial")
            partial.write_bytes(member.read())
            partial.replace(KEPT)
    return KEPT.read_text()


def serious(page: Any) -> list[str]:
    """What axe finds on the page that is serious or worse, in words."""
    # Not as a script of the page, which its policy would refuse.
    page.evaluate(source() + "; undefined")
    return [
        f"{each['id']} ({each['impact']}): {each['help']}: {[node['html'][:160] for node in each['nodes'][:3]]}"
        for each in page.evaluate(RUN)
        if each["impact"] in SERIOUS
    ]
