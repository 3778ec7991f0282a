"""A tenant's archive: whole, readable without Hostel, and without a secret unless it was asked for."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import pytest

from tenants import blobs, services
from tenants.errors import SecretUnreadable
from tests.conftest import HELLO, module, script

pytestmark = pytest.mark.django_db


@pytest.fixture
def full(upload_js, tenant, actor):
    upload_js(HELLO, bindings=[{"type": "secret_text", "name": "KEY", "text": "s3cret"}, {"type": "plain_text", "name": "A", "text": "b"}])
    upload_js(HELLO.replace("hello", "again"), message="second")
    services.domain_add(tenant=tenant, worker_name="hello", hostname="hello.example.com", actor=actor)
    services.token_create(tenant=tenant, name="ci", scopes=["workers:read"], actor=actor)
    services.override_set(tenant=tenant, name="cpu_ms", value=7, reason="a test", actor=actor)
    services.webhook_create(tenant=tenant, url="https://example.com/hook", events=["*"], actor=actor)
    services.invitation_create(tenant=tenant, role="viewer", email="eve@example.com", may_own=True, actor=actor)


def exported(tenant, **options):
    file = io.BytesIO()
    found = services.tenant_export(tenant=tenant, file=file, **options)
    file.seek(0)
    with tarfile.open(fileobj=file) as tar:
        return found, {member.name: tar.extractfile(member).read() for member in tar}


def test_everything_is_in_it(full, tenant):
    found, files = exported(tenant)
    assert (found.workers, found.versions, found.modules, found.missing, found.secrets_key) == (1, 2, 2, [], None)
    described = json.loads(files["tenant.json"])
    assert (described["slug"], described["domains"][0]["hostname"], described["tokens"][0]["name"]) == ("acme", "hello.example.com", "ci")
    worker = json.loads(files["workers/hello/worker.json"])
    assert [len(one["versions"]) for one in worker["deployments"]] == [1, 1]
    version = json.loads(files["workers/hello/versions/0002/version.json"])
    assert (version["number"], version["message"], version["modules"][0]["name"]) == (2, "second", "worker.js")
    assert files["workers/hello/versions/0001/modules/worker.js"] == HELLO.encode()
    others = {"tenants.LimitOverride", "tenants.Webhook", "tenants.Invitation"}
    assert {f"rows/{label}.jsonl" for label in others} <= set(files)
    assert json.loads(files["rows/tenants.LimitOverride.jsonl"])["reason"] == "a test"
    assert {"tenant_create", "domain_add", "token_create"} <= {json.loads(line)["action"] for line in files["audit.jsonl"].splitlines()}


def test_the_sums_are_right(full, tenant):
    _, files = exported(tenant, with_secrets=True)
    sums = dict(reversed(line.split("  ", 1)) for line in files.pop("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_no_secret_is_in_it_unless_it_was_asked_for(full, tenant):
    _, files = exported(tenant)
    everything = b"".join(files.values())
    for secret in (b"s3cret", b"hs1.", b"hs2.", b'"digest"', b'"secret"', b'"sealed"', b"whsec_"):
        assert secret not in everything
    assert "secrets.sealed" not in files


def test_secrets_open_with_the_key_that_was_shown_and_with_no_other(full, tenant):
    found, files = exported(tenant, with_secrets=True)
    sealed = files["secrets.sealed"]
    assert services.secrets_unseal(sealed=sealed, key=found.secrets_key) == {"hello": {"1": {"KEY": "s3cret"}}}
    assert b"s3cret" not in b"".join(files.values())
    for wrong in (
        {"key": "x"},
        {"sealed": sealed[:-1] + bytes([sealed[-1] ^ 1])},
        {"sealed": b""},
        {"sealed": b"HX1"},
        {"sealed": b"x" * 99},
    ):
        with pytest.raises(SecretUnreadable):
            services.secrets_unseal(**{"sealed": sealed, "key": found.secrets_key, **wrong})


def test_lost_content_is_named_and_the_rest_is_there(full, tenant):
    blobs.store().delete(hashlib.sha256(HELLO.encode()).hexdigest())
    found, files = exported(tenant)
    assert found.missing == ["workers/hello/versions/0001/modules/worker.js"]
    assert "workers/hello/versions/0001/version.json" in files
    assert "workers/hello/versions/0002/modules/worker.js" in files


def test_names_with_slashes_and_beyond_ascii(tenant, actor):
    upload = script("import './lib/ünï/code.js'; " + HELLO)
    upload.modules.append(module("lib/ünï/code.js", "export {};"))
    services.version_upload(tenant=tenant, worker_name="deep", upload=upload, actor=actor, source="tests", deploy=False)
    _, files = exported(tenant)
    assert files["workers/deep/versions/0001/modules/lib/ünï/code.js"] == b"export {};"


def test_another_tenants_things_are_not_in_it(full, upload_js, tenant, other_tenant):
    upload_js(HELLO.replace("hello", "theirs"), name="secretive", tenant=other_tenant)
    _, files = exported(tenant)
    assert not any(b"secretive" in content or "secretive" in name for name, content in files.items())


def test_an_empty_tenant(other_tenant):
    found, files = exported(other_tenant)
    assert found.workers == 0
    assert set(files) == {"export.json", "tenant.json", "namespaces.json", "audit.jsonl", "SHA256SUMS"}


def test_workers_of_one_name_are_kept_apart(upload_js, tenant, actor):
    services.namespace_create(tenant=tenant, name="staging", actor=actor)
    changes = {"KEY": {"type": "secret_text", "text": "s3cret"}, "MODE": {"type": "plain_text", "text": "staged"}}
    services.namespace_bindings_update(tenant=tenant, name="staging", changes=changes, actor=actor)
    upload_js(HELLO, name="api")
    upload_js(HELLO.replace("hello", "again"), name="staging:api", bindings=[{"type": "secret_text", "name": "OWN", "text": "0wn"}])
    found, files = exported(tenant, with_secrets=True)
    assert found.workers == 2
    assert files["workers/api/versions/0001/modules/worker.js"] != files["workers/staging:api/versions/0001/modules/worker.js"]
    (namespace,) = json.loads(files["namespaces.json"])
    assert (namespace["name"], namespace["bindings"]) == (
        "staging",
        [{"type": "secret_text", "name": "KEY"}, {"type": "plain_text", "name": "MODE", "text": "staged"}],
    )
    assert services.secrets_unseal(sealed=files["secrets.sealed"], key=found.secrets_key) == {
        "staging:": {"environment": {"KEY": "s3cret"}},
        "staging:api": {"1": {"OWN": "0wn"}},
    }
