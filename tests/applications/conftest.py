"""Applications from npm: installed and bundled once, and served by workerd beside our own sandbox."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DATE = "2025-06-01"
WORKERS = {path.stem: path for path in sorted((HERE / "workers").iterdir())}
BUNDLING = (
    "--bundle",
    "--format=esm",
    "--platform=neutral",
    "--main-fields=workerd,worker,browser,module,main",
    "--conditions=workerd,worker,browser",
    "--external:node:*",
    "--target=es2022",
    "--jsx=automatic",
    '--define:process.env.NODE_ENV="production"',
    "--log-level=error",
)


@dataclass(frozen=True)
class Beside:
    """The bundles, and where workerd answers for each."""

    bundles: Path
    ports: dict[str, int]

    def code(self, name: str) -> bytes:
        return (self.bundles / f"{name}.js").read_bytes()


def installed() -> Path:
    """The packages, under var/: a change of package.json makes a new folder. Skips the test where that is not possible."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("no Node on this machine")
    wanted = (HERE / "package.json").read_bytes()
    folder = ROOT / "var" / "applications" / hashlib.sha256(wanted).hexdigest()[:16]
    if not (folder / "complete").exists():
        partial = folder.with_name(f"{folder.name}.{os.getpid()}")
        partial.mkdir(parents=True)
        (partial / "package.json").write_bytes(wanted)
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--loglevel=error"]
        try:
            done = subprocess.run([npm, "install", *options], cwd=partial, capture_output=True, text=True, check=False, timeout=400)
        except subprocess.TimeoutExpired:
            shutil.rmtree(partial, ignore_errors=True)
            pytest.skip("npm has not installed the packages in time")
        if done.returncode:
            shutil.rmtree(partial, ignore_errors=True)
            pytest.skip(f"npm cannot install the packages: {done.stderr[-300:]}")
        (partial / "complete").touch()
        try:
            partial.rename(folder)
        except OSError:
            # Another process of the test run was first.
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def bundle(packages: Path, out: Path) -> None:
    """Every worker as one module; they are copied beside the packages, where imports are looked for."""
    sources = packages / f"workers.{os.getpid()}"
    shutil.copytree(HERE / "workers", sources)
    try:
        for name, path in WORKERS.items():
            command = ["node", packages / "node_modules/esbuild/bin/esbuild", sources / path.name, *BUNDLING, f"--outfile={out / name}.js"]
            subprocess.run(command, check=True, capture_output=True, timeout=60)
    finally:
        shutil.rmtree(sources, ignore_errors=True)


def configuration(ports: dict[str, int]) -> str:
    """workerd's own, in Cap'n Proto's text form."""
    names = list(ports)
    services = ", ".join(f'(name = "{name}", worker = .w{number})' for number, name in enumerate(names))
    sockets = ", ".join(f'(name = "{name}", address = "127.0.0.1:{port}", http = (), service = "{name}")' for name, port in ports.items())
    workers = "\n".join(
        f'const w{number} :Workerd.Worker = (modules = [(name = "w.js", esModule = embed "{name}.js")], '
        f'compatibilityDate = "{DATE}", compatibilityFlags = ["nodejs_compat"]);'
        for number, name in enumerate(names)
    )
    head = 'using Workerd = import "/workerd/workerd.capnp";'
    return f"{head}\nconst config :Workerd.Config = (services = [{services}], sockets = [{sockets}]);\n{workers}\n"


def free_ports(count: int) -> list[int]:
    """That many ports nobody listens on now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


@pytest.fixture(scope="session")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    """Everything bundled, and workerd serving it."""
    packages = installed()
    program = next(iter(packages.glob("node_modules/@cloudflare/workerd-*/bin/workerd")), None)
    if program is None:
        pytest.skip("workerd has no program for this machine")
    out = tmp_path_factory.mktemp("applications")
    bundle(packages, out)
    ports = dict(zip(WORKERS, free_ports(len(WORKERS)), strict=True))
    (out / "config.capnp").write_text(configuration(ports))
    with (out / "log").open("w") as log:
        process = subprocess.Popen([program, "serve", out / "config.capnp"], stdout=log, stderr=subprocess.STDOUT)
        try:
            asyncio.run(_listening(process, list(ports.values())[-1], out / "log"))
            yield Beside(out, ports)
        finally:
            process.kill()
            process.wait()


async def _listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    pytest.skip(f"workerd does not run here: {log.read_text()[-300:]}")


def asks() -> dict[str, list[tuple[str, dict[str, object]]]]:
    """Application -> the requests: path, and method, headers, body where they are not the usual ones."""
    found = json.loads((HERE / "asks.json").read_text())
    return {name: [(one, {}) if isinstance(one, str) else (one[0], one[1]) for one in those] for name, those in found.items()}


@pytest.fixture(scope="session")
def guest_home() -> Path:
    """Where the guest is installed."""
    return Path(os.environ.get("HOSTEL_GUEST_HOME", ROOT / "var" / "guest"))
