"""Replacing the master key: everything opens with the new one alone, and being broken off costs nothing."""

from __future__ import annotations

import json

import pytest

from tenants import aead, blobs, datakeys, secrets, services
from tenants.actor import Actor
from tenants.bindings import secret_context
from tenants.errors import SecretUnreadable
from tenants.keys import KeyRing
from tenants.models import AuditEvent, DataKey, Version, VersionImage
from tenants.selectors.programs import version_program
from tenants.services import rotation
from tenants.services.images import image_bytes
from tenants.services.webhooks import signing_secrets

pytestmark = pytest.mark.django_db
OLD, NEW = "the old master key " * 2, "the new master key " * 2
TEXT = "s3cret-value"


@pytest.fixture
def old(settings, actor):
    """An installation under the old key: two tenants, secrets, images, a webhook, an audit log."""
    settings.HOSTEL_KEYS = KeyRing([OLD])


@pytest.fixture
def made(old, upload_js):
    return upload_js(
        "export default { fetch(r, env) { return new Response(env.KEY) } }", bindings=[{"type": "secret_text", "name": "KEY", "text": TEXT}]
    )


def alone(settings) -> None:
    """The old key is taken off, in a process that has opened nothing yet."""
    settings.HOSTEL_KEYS = KeyRing([NEW])
    datakeys._opened.clear()


def opened(version: Version) -> str:
    program = version_program(str(version.pk), guest_build=version.images.get().guest_build)
    assert program.image is not None
    return next(binding["text"] for binding in program.bundle.env if binding["name"] == "KEY")


def test_everything_opens_with_the_new_key_alone(made, tenant, other_tenant, actor, settings):
    hook, secret = services.webhook_create(tenant=other_tenant, url="https://hooks.example/", events=["webhook.ping"], actor=actor)
    before = Version.objects.get().bindings
    settings.HOSTEL_KEYS = KeyRing([NEW, OLD])
    assert services.keys_status().removable == ()
    done = services.keys_rotate(actor=actor)
    # The platform's (for the audit log and staged uploads) and two tenants'.
    assert (done.data_keys, done.versions, done.images, done.unreadable) == (3, 0, 0, ())
    status = services.keys_status()
    assert status.sealed == {status.current: 3}
    assert status.removable == status.earlier
    alone(settings)
    assert opened(made.version) == TEXT
    assert signing_secrets(hook) == [secret]
    assert services.audit_verify().intact
    # No secret was touched.
    assert Version.objects.get().bindings == before


def test_without_it_nothing_opens(made, settings):
    alone(settings)
    with pytest.raises(SecretUnreadable):
        opened(made.version)


def test_a_second_run_finds_nothing_and_is_not_recorded(made, settings, actor):
    settings.HOSTEL_KEYS = KeyRing([NEW, OLD])
    services.keys_rotate(actor=actor)
    assert services.keys_rotate(actor=actor).data_keys == 0
    event = AuditEvent.objects.get(action="keys_rotate")
    assert (event.chain, event.target, event.data["data_keys"]) == ("platform", services.keys_status().current, 2)


def test_it_is_taken_up_where_it_was_broken_off(made, other_tenant, settings, actor, monkeypatch):
    secrets.seal(b"x", context="a", tenant=other_tenant)
    settings.HOSTEL_KEYS = KeyRing([NEW, OLD])
    whole, calls = rotation.reseal, []

    def killed(row: DataKey) -> str:
        calls.append(row)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(row)

    monkeypatch.setattr(rotation, "reseal", killed)
    with pytest.raises(KeyboardInterrupt):
        services.keys_rotate(actor=actor)
    assert sorted(services.keys_status().sealed.values()) == [1, 2]
    assert opened(made.version) == TEXT
    assert services.keys_rotate(actor=actor).data_keys == 2
    alone(settings)
    assert opened(made.version) == TEXT


def test_what_a_master_key_sealed_itself_is_sealed_with_the_tenants(made, tenant, settings, actor):
    """As it was before there were data keys."""
    ring, context = settings.HOSTEL_KEYS, secret_context(tenant)
    version, image = made.version, made.version.images.get()
    [binding] = version.bindings
    direct = {**binding, "sealed": ring.seal(TEXT.encode(), context=context)}
    Version._base_manager.update(bindings=[direct])
    body = aead.encrypt(ring.derive("seal"), image_bytes(image, tenant=tenant), context=f"tenant:{tenant.account_id}:image")
    blob = blobs.store().put(b"HS1" + ring.current.encode() + body)
    VersionImage.objects.update(blob_sha256=blob.sha256, created=tenant.created)
    assert opened(version) == TEXT
    settings.HOSTEL_KEYS = KeyRing([NEW, OLD])
    done = services.keys_rotate(actor=actor)
    assert (done.versions, done.images) == (1, 1)
    alone(settings)
    version = Version.objects.get()
    assert opened(version) == TEXT
    assert version.bindings[0]["digest"] == binding["digest"]
    assert services.keys_rotate(actor=actor) == services.Rotated(services.keys_status().current, 0, 0, 0, ())


def test_what_cannot_be_opened_is_named_and_holds_up_nothing_else(made, tenant, other_tenant, settings, actor):
    secrets.seal(b"x", context="a", tenant=other_tenant)
    DataKey.objects.filter(tenant=tenant).update(sealed="hs1.00000000.AAAA")
    settings.HOSTEL_KEYS = KeyRing([NEW, OLD])
    done = services.keys_rotate(actor=actor)
    assert (done.data_keys, done.unreadable) == (2, (tenant.account_id,))
    assert services.keys_status().removable == ()


def test_the_job_does_it(made, settings, actor):
    from jobs.models import Job
    from jobs.running import run

    settings.HOSTEL_KEYS = KeyRing([NEW, OLD])
    services.keys_rotate_request(actor=actor)
    job = Job.objects.get(kind="keys_rotate")
    run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result["data_keys"], job.result["unreadable"]) == ("succeeded", 2, 0)
    assert AuditEvent.objects.get(action="keys_rotate_request").actor == "user:1"
    assert AuditEvent.objects.get(action="keys_rotate").actor == str(Actor.system())
    assert TEXT not in json.dumps(list(AuditEvent.objects.values()), default=str)


def test_sessions_outlive_a_replacement(settings):
    from django.core import signing

    ring = KeyRing([OLD])
    signed = signing.dumps("x", key=ring.derive("django").hex())
    new = KeyRing([NEW, OLD])
    fallbacks = [new.derive("django", key_id).hex() for key_id in new.earlier]
    assert signing.loads(signed, key=new.derive("django").hex(), fallback_keys=fallbacks) == "x"
