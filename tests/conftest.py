"""The suite's own Hostel: a home in a temporary folder, Django set up on it, and the fixtures every package shares.

Owns the environment of a test run, which is made before Django reads it: nothing here ever touches a developer's `var/`. The built guest and
the fetched scripts are shared with it, because making them takes minutes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django
import pytest

ROOT = Path(__file__).parents[1]
# Short, because the paths of Unix sockets in it are limited to a hundred bytes.
HOME = Path(tempfile.mkdtemp(prefix="hostel-"))
os.environ.setdefault("HOSTEL_GUEST_CACHE", str(ROOT / "var" / "guest"))
os.environ.setdefault("HOSTEL_FRONTEND_CACHE", str(ROOT / "var" / "frontend"))
os.environ.update(
    DJANGO_SETTINGS_MODULE="controlplane.settings",
    HOSTEL_HOME=str(HOME),
    HOSTEL_SECRET_KEY="a key for tests only and of no use elsewhere",
    HOSTEL_JOBS_INLINE="true",
    HOSTEL_LOG_LEVEL="WARNING",
)
django.setup()

from django.conf import settings as django_settings  # noqa: E402
from django.db import connection  # noqa: E402

from gateway.admin import Admin  # noqa: E402
from gateway.directory import Directory  # noqa: E402
from gateway.drain import Drain  # noqa: E402
from gateway.programs import Programs  # noqa: E402
from gateway.records import Records  # noqa: E402
from gateway.routes import Routes  # noqa: E402
from gateway.running import Runs, answered  # noqa: E402
from gateway.stats import Stats  # noqa: E402
from gateway.targets import Targets  # noqa: E402
from jobs.engine import engine  # noqa: E402
from sandbox.bundle import ModuleKind  # noqa: E402
from tenants import services  # noqa: E402
from tenants.actor import Actor  # noqa: E402
from tenants.epoch import EpochReader  # noqa: E402
from tenants.models import ApiToken, Tenant  # noqa: E402
from tenants.services import Uploaded  # noqa: E402
from tenants.uploads import Upload, UploadModule  # noqa: E402


def pytest_unconfigure() -> None:
    engine.close()
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture
def actor() -> Actor:
    return Actor("user", "1", "ada@example.com")


@pytest.fixture
def tenant(db: None, actor: Actor) -> Tenant:
    return services.tenant_create(slug="acme", name="Acme", actor=actor)


@pytest.fixture
def other_tenant(db: None, actor: Actor) -> Tenant:
    return services.tenant_create(slug="globex", name="Globex", actor=actor)


@pytest.fixture
def token(tenant: Tenant, actor: Actor) -> tuple[ApiToken, str]:
    return services.token_create(tenant=tenant, name="tests", scopes=["workers:write", "tenant:write"], actor=actor)


def script(source: str, **settings: object) -> Upload:
    """An upload of one ES module."""
    return Upload(main_module="worker.js", modules=[module("worker.js", source)], **settings)  # type: ignore[arg-type]


def module(name: str, content: str | bytes, kind: ModuleKind | None = ModuleKind.JS, content_type: str = "") -> UploadModule:
    return UploadModule(name, kind, content.encode() if isinstance(content, str) else content, content_type)


HELLO = 'export default { fetch() { return new Response("hello"); } };'


@pytest.fixture
def upload_js(tenant: Tenant, actor: Actor) -> Callable[..., Uploaded]:
    """Uploads one ES module as a worker of `tenant`: `upload_js(source, name="hello", deploy=True, bindings=[…], …)`."""

    def upload(source: str = HELLO, *, name: str = "hello", deploy: bool = True, create: bool = True, **settings: object) -> Uploaded:
        return services.version_upload(
            tenant=settings.pop("tenant", tenant),  # type: ignore[arg-type]
            worker_name=name,
            upload=script(source, **settings),
            actor=actor,
            source="tests",
            deploy=deploy,
            create_worker=create,
        )

    return upload


@pytest.fixture
def runs_here(transactional_db: None) -> Iterator[None]:
    """A gateway process's private socket with its runner (`tenants.runner`), on the sandbox of this process."""
    admin, close = engine.run(_runner())
    yield
    engine.run(admin.close())
    engine.run(close())


async def _runner() -> tuple[Admin, Callable[[], Coroutine[Any, Any, None]]]:
    box, stats, records = engine.sandbox(), Stats(), Records()
    directory = Directory(guest_build=lambda: box.guest_build)
    reader = EpochReader()
    reader.start()
    routes = Routes(directory.route, reader.token, stats)
    targets = Targets(box, routes, Programs(directory.program).get, records)
    runs = Runs(box, targets, records, directory.run_route, directory.draft)
    drain = Drain(stats, shut=lambda _: None)
    admin = Admin(django_settings.HOSTEL.run, stats=dict, evict=box.evict, drain=drain, run=partial(answered, runs))
    await admin.start()

    async def close() -> None:
        routes.close()
        reader.close()
        await directory.close()

    return admin, close


class BackgroundWorker:
    """A real background worker process on the test's database."""

    def __init__(self, *, script: str | None = None, **environ: str) -> None:
        self._command = [sys.executable, "-c", script] if script else [sys.executable, str(ROOT / "manage.py"), "background"]
        self._environ = {**os.environ, "DATABASE_URL": database_url(), "HOSTEL_JOBS_INLINE": "false", **environ}
        self.log = HOME / "background.log"
        self.start()

    def start(self) -> None:
        ready = django_settings.HOSTEL.run / "background.ready"
        ready.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, env=self._environ, cwd=ROOT, stderr=log, stdout=log)
        until = time.monotonic() + 60
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"The background worker did not start:\n{self.log.read_text()}")
            time.sleep(0.02)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


@pytest.fixture
def own_jobs(transactional_db: None, settings: object) -> None:
    """Jobs wait for a background worker instead of running where they are asked for."""
    settings.HOSTEL = replace(django_settings.HOSTEL, jobs_inline=False)  # type: ignore[attr-defined]


@pytest.fixture
def background_worker(own_jobs: None) -> Iterator[BackgroundWorker]:
    worker = BackgroundWorker()
    yield worker
    worker.stop()


def database_url() -> str:
    """Where a process started by a test finds the test's database."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(django_settings.HOSTEL.database_url)._replace(path=f"/{name}"))
