"""The demo tenant: an operator, a tenant with a token, and two workers to call.

Owns what a fresh Hostel holds and when it is left alone: whatever a person has changed stays changed. Writes through the same services as
every API, so the examples are built by the background worker like any upload.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from controlplane.config import ROOT, Config
from ops import demo, examples
from ops.processes import BACKGROUND_READY
from sandbox.errors import HostelError
from tenants import selectors, services
from tenants.actor import Actor
from tenants.errors import NotFound, TokenInvalid
from tenants.models import Tenant, User
from tenants.names import qualified

TENANT = "demo"
ADMIN = "admin@localhost"
NAMESPACE = "production"
# Folders of examples and the namespaces they go into ("" for none); what others bind to comes first.
EXAMPLES = (
    ("hello", ""),
    ("worker-loader", ""),
    ("platform/outbound", ""),
    ("platform/dispatcher", ""),
    ("platform/customers/ada", NAMESPACE),
    ("platform/customers/bob", NAMESPACE),
)
# On a version that was seeded: the fingerprint of the folder it came from.
ANNOTATION = "hostel/seed"
SCOPES = ("workers:write", "tenant:write")


def seed(*, note: Callable[[str], None]) -> demo.Demo:
    """Make what is missing, write var/demo.json, upload examples that are new or changed; `note` hears what is worth a line."""
    config: Config = settings.HOSTEL
    known = demo.read(config.home)
    password = known.admin_password if known else secrets.token_urlsafe(12)
    admin = _admin(password)
    tenant = _tenant(admin, account_id=known.account_id if known else None)
    gateway_base, api_base = demo.bases(config)
    found = demo.Demo(
        gateway_base=gateway_base,
        api_base=api_base,
        account_id=tenant.account_id,
        api_token=_token(tenant, known.api_token if known else None),
        tenant=tenant.slug,
        admin_email=admin.email,
        admin_password=password,
    )
    if found != known:
        demo.write(config.home, found)
    wait_for_builder(config.run)
    _namespace(tenant)
    for name, namespace in EXAMPLES:
        _example(tenant, name, namespace, note)
    return found


def wait_for_builder(run: Path) -> None:
    """Wait until the background worker takes jobs: on a first start the guest takes longer to build than an upload waits."""
    while not (run / BACKGROUND_READY).exists():
        time.sleep(0.05)


def _admin(password: str) -> User:
    user = User.objects.filter(email=ADMIN).first()
    if user is None:
        user = services.user_create(email=ADMIN, password=password, name="Operator", operator=True, actor=Actor.system())
    return user


def _tenant(owner: User, *, account_id: str | None) -> Tenant:
    tenant = Tenant.objects.filter(slug=TENANT).first()
    if tenant is None:
        tenant = services.tenant_create(slug=TENANT, name="Demo", account_id=account_id, owner=owner, actor=Actor.system())
    return tenant


def _token(tenant: Tenant, kept: str | None) -> str:
    if kept:
        try:
            if services.token_authenticate(secret=kept).tenant_id == tenant.pk:
                return kept
        except TokenInvalid:
            pass
    _, secret = services.token_create(tenant=tenant, name="demo.json", scopes=SCOPES, actor=Actor.system())
    return secret


def _namespace(tenant: Tenant) -> None:
    try:
        selectors.namespace_get(tenant=tenant, name=NAMESPACE)
    except NotFound:
        services.namespace_create(tenant=tenant, name=NAMESPACE, actor=Actor.system())


def _example(tenant: Tenant, name: str, namespace: str, note: Callable[[str], None]) -> None:
    folder = ROOT / "examples" / name
    if not (folder / "wrangler.json").exists():
        return
    example = examples.read(folder)
    worker_name = qualified(namespace, example.name)
    try:
        newest = selectors.version_latest(tenant=tenant, worker=selectors.worker_get(tenant=tenant, name=worker_name))
    except NotFound:
        newest = None
    # A version that somebody uploaded over the example is theirs.
    if newest is not None and newest.annotations.get(ANNOTATION) in (None, example.fingerprint):
        return
    upload = examples.annotated(example, {ANNOTATION: example.fingerprint})
    try:
        services.version_upload(tenant=tenant, worker_name=worker_name, upload=upload, actor=Actor.system(), source="seed", deploy=True)
    except HostelError as error:
        note(f"the example {name} could not be deployed: {error.message} ({error.code})")
