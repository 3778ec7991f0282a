"""Everything that changes a tenant's rows. Import services from here.

Owns the writes: each is keyword-only, checks what it is given, and does all of it or nothing, the audit event and the epoch included. Must
not know who calls: an API, a page and the seed are alike.
"""

from __future__ import annotations

from tenants.services.blobs import Collected, blobs_collect
from tenants.services.deletion import Erased, tenant_delete, tenant_erase, tenants_erase_due
from tenants.services.deliveries import (
    RESPONSE_CHARACTERS,
    Attempted,
    Outgoing,
    deliveries_claim,
    deliveries_due,
    deliveries_prune,
    delivery_attempted,
)
from tenants.services.deployments import deployment_create
from tenants.services.domains import domain_add, domain_remove
from tenants.services.export import secrets_unseal, tenant_export
from tenants.services.gating import request_tests_require
from tenants.services.goingback import RollbackPreview, Warned, deployment_rollback, version_restore
from tenants.services.images import image_store, images_prune
from tenants.services.invitations import invitation_accept, invitation_create, invitation_find, invitation_revoke
from tenants.services.members import member_add, member_remove, member_role_set, tenant_leave
from tenants.services.namespaces import (
    namespace_bindings_update,
    namespace_create,
    namespace_delete,
    namespace_promotes_to,
    namespace_rename,
    namespace_workers_delete,
)
from tenants.services.overrides import override_clear, override_get, override_make, override_set
from tenants.services.plans import plan_changed, plan_create, plan_delete, plan_update, tenant_plan_set
from tenants.services.promotion import Preview, Promoted, worker_promote
from tenants.services.publishing import SEND
from tenants.services.quotas import quota_require, quotas_prune
from tenants.services.requesttests import request_test_create, request_test_delete, request_test_update, request_tests_run
from tenants.services.retention import alias_delete, alias_set, version_delete, version_pin, version_unpin, versions_prune
from tenants.services.rotation import ROTATE, KeysStatus, Rotated, keys_rotate, keys_rotate_request, keys_status
from tenants.services.runs import Run, RunRequest, worker_run
from tenants.services.secrets import secret_delete, secret_put, secrets_update
from tenants.services.tenants import (
    tenant_create,
    tenant_found,
    tenant_limits_set,
    tenant_look,
    tenant_rename,
    tenant_resume,
    tenant_suspend,
    user_create,
)
from tenants.services.throttling import Throttle, throttle, throttles_prune
from tenants.services.tokens import token_authenticate, token_create, token_revoke
from tenants.services.verification import Break, Head, Verified, audit_heads, audit_verify
from tenants.services.versionoverrides import SignedOverride, version_override_create
from tenants.services.versions import Uploaded, version_derive, version_upload
from tenants.services.webhooks import (
    delivery_replay,
    webhook_create,
    webhook_delete,
    webhook_ping,
    webhook_policy,
    webhook_secret_rotate,
    webhook_update,
)
from tenants.services.workers import worker_delete, worker_settings_update

__all__ = [
    "RESPONSE_CHARACTERS",
    "ROTATE",
    "SEND",
    "Attempted",
    "Break",
    "Collected",
    "Erased",
    "Head",
    "KeysStatus",
    "Outgoing",
    "Preview",
    "Promoted",
    "RollbackPreview",
    "Rotated",
    "Run",
    "RunRequest",
    "SignedOverride",
    "Throttle",
    "Uploaded",
    "Verified",
    "Warned",
    "alias_delete",
    "alias_set",
    "audit_heads",
    "audit_verify",
    "blobs_collect",
    "deliveries_claim",
    "deliveries_due",
    "deliveries_prune",
    "delivery_attempted",
    "delivery_replay",
    "deployment_create",
    "deployment_rollback",
    "domain_add",
    "domain_remove",
    "image_store",
    "images_prune",
    "invitation_accept",
    "invitation_create",
    "invitation_find",
    "invitation_revoke",
    "keys_rotate",
    "keys_rotate_request",
    "keys_status",
    "member_add",
    "member_remove",
    "member_role_set",
    "namespace_bindings_update",
    "namespace_create",
    "namespace_delete",
    "namespace_promotes_to",
    "namespace_rename",
    "namespace_workers_delete",
    "override_clear",
    "override_get",
    "override_make",
    "override_set",
    "plan_changed",
    "plan_create",
    "plan_delete",
    "plan_update",
    "quota_require",
    "quotas_prune",
    "request_test_create",
    "request_test_delete",
    "request_test_update",
    "request_tests_require",
    "request_tests_run",
    "secret_delete",
    "secret_put",
    "secrets_unseal",
    "secrets_update",
    "tenant_create",
    "tenant_delete",
    "tenant_erase",
    "tenant_export",
    "tenant_found",
    "tenant_leave",
    "tenant_limits_set",
    "tenant_look",
    "tenant_plan_set",
    "tenant_rename",
    "tenant_resume",
    "tenant_suspend",
    "tenants_erase_due",
    "throttle",
    "throttles_prune",
    "token_authenticate",
    "token_create",
    "token_revoke",
    "user_create",
    "version_delete",
    "version_derive",
    "version_override_create",
    "version_pin",
    "version_restore",
    "version_unpin",
    "version_upload",
    "versions_prune",
    "webhook_create",
    "webhook_delete",
    "webhook_ping",
    "webhook_policy",
    "webhook_secret_rotate",
    "webhook_update",
    "worker_delete",
    "worker_promote",
    "worker_run",
    "worker_settings_update",
]
