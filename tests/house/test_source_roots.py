"""`platform/` is a source root, never a package: the standard library owns the name (docs/decisions/0001)."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STANDARD = Path(sysconfig.get_path("stdlib"), "platform.py")
# Tells which `platform` a program got, and that the standard one works.
ASK = "import platform, uuid; print('platform is', platform.__file__, platform.system())"


def told(*command: str, **environ: str) -> str:
    """What a fresh process says, without the paths that pytest has added."""
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env={**clean, **environ}, timeout=60)
    return done.stdout + done.stderr


def test_the_source_root_holds_no_module_of_its_own():
    assert not list((ROOT / "platform").glob("*.py"))
    assert {path.name for path in (ROOT / "platform").iterdir() if path.is_dir() and path.name != "__pycache__"} == {
        path.parent.name for path in (ROOT / "platform").glob("*/__init__.py")
    }


def test_under_pytest():
    assert Path(platform.__file__) == STANDARD


def test_under_python_at_the_root():
    assert f"platform is {STANDARD}" in told(sys.executable, "-c", ASK)


def test_under_manage():
    assert f"platform is {STANDARD}" in told(sys.executable, "manage.py", "shell", "--no-imports", "-c", ASK)


def test_under_celery(tmp_path):
    # `celery report` imports the application the way a worker does and calls platform.system() itself.
    said = told(sys.executable, "-m", "celery", "-A", "controlplane", "report", HOSTEL_HOME=str(tmp_path))
    assert f"platform -> system:{platform.system()}" in said


def test_under_granian(tmp_path):
    (tmp_path / "asks.py").write_text(f"{ASK}\nraise SystemExit\n")
    command = [sys.executable, "-m", "granian", "--interface", "asginl", "asks:application", "--uds", str(tmp_path / "s")]
    assert f"platform is {STANDARD}" in told(*command, PYTHONPATH=str(tmp_path))


def test_the_negative_control(tmp_path):
    """What the rule is for: with an `__init__.py` the standard module is gone."""
    (tmp_path / "platform").mkdir()
    (tmp_path / "platform" / "__init__.py").touch()
    done = subprocess.run([sys.executable, "-c", "import uuid"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "module 'platform' has no attribute 'system'" in done.stderr


@pytest.mark.parametrize("package", ["sandbox", "tenants", "accounts", "controlplane", "gateway", "api", "cfapi", "jobs", "ops"])
def test_every_package_is_found_from_anywhere_by_the_environments_path_file(package, tmp_path):
    site = Path(sysconfig.get_path("purelib"), "hostel.pth")
    if not site.exists():
        pytest.skip("this environment was not made by `make setup`")
    code = f"import importlib.util; print(importlib.util.find_spec({package!r}).origin)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert str(ROOT) in done.stdout
