"""Scripts from elsewhere: pinned without addresses, fetched by npm, bundled, served for good; and a set-up that goes on without them."""

from __future__ import annotations

import gzip
import json
import os
import re
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from ops.doctor import machine
from ui.frontend import addresses, build, packages

# An npm that "fetches" one package and a bundler which copies; it counts how often it is asked.
NPM = """#!/bin/sh
[ "$1" = --version ] && {{ echo {version}; exit 0; }}
echo "$@" >> {log}
[ -f package-lock.json ] || exit 1
{act}
mkdir -p node_modules/@esbuild/any/bin node_modules/uplot
echo "May be copied." > node_modules/uplot/LICENSE
printf '#!/bin/sh\\nfor last; do :; done; cat "$last"' > node_modules/@esbuild/any/bin/esbuild
chmod +x node_modules/@esbuild/any/bin/esbuild
"""


class Npm:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log, self.path = folder / "npm.log", folder / "bin" / "npm"
        self.path.parent.mkdir()
        self.says("11.0.0")
        monkeypatch.setenv("PATH", f"{self.path.parent}{os.pathsep}{os.environ['PATH']}")

    def says(self, version: str, act: str = "") -> None:
        self.path.write_text(NPM.format(version=version, log=self.log, act=act))
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def npm(tmp_path, monkeypatch):
    return Npm(tmp_path, monkeypatch)


class TestThePins:
    LOCK = json.loads((packages.HERE / "package-lock.json").read_text())

    def test_every_package_is_one_version_with_its_hash_and_no_address(self):
        assert self.LOCK["lockfileVersion"] == 3
        for name, found in self.LOCK["packages"].items():
            if name:
                assert re.fullmatch(r"\d+\.\d+\.\d+", found["version"]), name
                assert re.fullmatch(r"sha512-[\w+/]{86}==", found["integrity"]), name
                assert "resolved" not in found, name
                assert not found.get("hasInstallScript") or name == "node_modules/esbuild", name

    def test_what_is_asked_for_is_exact_and_right(self):
        wanted = json.loads((packages.HERE / "package.json").read_text())["dependencies"]
        # That name is an old editor, published by mistake as version 6.
        assert "codemirror" not in wanted
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
        assert wanted == self.LOCK["packages"][""]["dependencies"]

    def test_a_borrowed_npm_is_pinned_too(self):
        pins = (packages.HERE / "npm.txt").read_text()
        assert pins.count("==") == 1
        assert pins.count("--hash=sha256:") > 4


class TestSetUp:
    def test_everything_is_fetched_once_and_named_by_its_content(self, npm, tmp_path):
        home = tmp_path / "frontend"
        build.install(home)
        build.install(home)
        assert build.current(home)
        (call,) = npm.calls
        assert call.startswith("ci --ignore-scripts")
        folder = home / (home / "current").read_text()
        files = json.loads((folder / build.FILES).read_text())
        assert set(files) == {"codemirror.js", "uplot.js", "licences.txt"}
        for name in files.values():
            assert gzip.decompress((folder / f"{name}.gz").read_bytes()) == (folder / name).read_bytes()
        assert "May be copied." in (folder / files["licences.txt"]).read_text()
        assert sorted(path.name for path in home.iterdir()) == sorted(["current", "lock", folder.name])

    @pytest.mark.parametrize(
        "act",
        ["echo 'npm error code ENOTFOUND' >&2; echo 'npm error no way there' >&2; exit 1", "mkdir node_modules; exit 0", "kill -9 $$"],
    )
    def test_it_goes_on_without_and_says_so(self, npm, tmp_path, monkeypatch, capsys, act):
        npm.says("11.0.0", act)
        home = tmp_path / "frontend"
        monkeypatch.setattr(sys, "argv", ["build", "--home", str(home)])
        assert build.main() == 0
        said = capsys.readouterr().out
        assert said.startswith(build.MISSING)
        assert said.count("\n") == 1
        if "no way there" in act:
            assert "no way there" in said
            assert "ENOTFOUND" not in said
        found = machine.frontend(replace(django_settings.HOSTEL, frontend_cache=home))
        assert found.level == "warn"
        assert (home / "failed").read_text() in found.said
        npm.says("11.0.0")
        assert build.main() == 0
        assert machine.frontend(replace(django_settings.HOSTEL, frontend_cache=home)).level == "ok"
        assert not (home / "failed").exists()

    def test_an_npm_that_cannot_read_the_lock_is_not_asked(self, npm):
        assert packages.own_npm() == [str(npm.path)]
        npm.says("6.14.0")
        assert packages.own_npm() is None
        npm.says("what?")
        assert packages.own_npm() is None

    def test_without_one_it_is_borrowed(self, npm, tmp_path, monkeypatch):
        asked = []
        monkeypatch.setattr(packages, "own_npm", lambda: None)
        monkeypatch.setattr(packages, "_run", lambda command, cwd: asked.append(command))
        packages.fetch(tmp_path, lambda _: None)
        install, ci = asked
        assert "--require-hashes" in install
        assert ci[0].endswith("bin/node")
        assert ci[1].endswith("npm-cli.js")
        assert ci[2] == "ci"

    def test_a_home_that_cannot_be_written_is_said(self, npm, tmp_path, monkeypatch, capsys):
        (tmp_path / "file").touch()
        monkeypatch.setattr(sys, "argv", ["build", "--home", str(tmp_path / "file" / "frontend")])
        assert build.main() == 0
        assert "cannot be written" in capsys.readouterr().out

    def test_it_needs_no_django(self):
        code = "import sys, ui.frontend.build; sys.exit('django' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestDelivery:
    @pytest.fixture
    def files(self, npm, tmp_path, settings):
        settings.HOSTEL = replace(django_settings.HOSTEL, frontend_cache=tmp_path / "frontend")
        build.install(tmp_path / "frontend")

    def test_browsers_keep_it_for_good(self, files, client):
        where = addresses.address("codemirror.js")
        assert re.fullmatch(r"/static/frontend/codemirror-[0-9a-f]{16}\.js", where)
        plain, packed = client.get(where), client.get(where, headers={"accept-encoding": "gzip, br"})
        assert plain.headers["Content-Type"] == "text/javascript"
        assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.content) == plain.content == (build.ENTRIES / "codemirror.js").read_bytes()
        assert client.get(addresses.address("licences.txt")).headers["Content-Type"] == "text/plain"
        assert client.post(where).status_code == 405

    @pytest.mark.parametrize("name", ["files.json", "codemirror.js", "codemirror-0123456789abcdef.js", "..", "%2e%2e%2fcurrent"])
    def test_nothing_else_is_served(self, files, client, name):
        assert client.get(f"/static/frontend/{name}").status_code == 404

    def test_without_them_there_is_no_address(self, client, settings, tmp_path):
        settings.HOSTEL = replace(django_settings.HOSTEL, frontend_cache=tmp_path / "none")
        assert addresses.address("codemirror.js") == ""
        assert client.get("/static/frontend/codemirror-0123456789abcdef.js").status_code == 404
